// The head of every page: which plant, which time, what is open, where to go, and how the viewer likes it.
import type { Data } from "../live/data";
import { clock, moment, num } from "../words/numbers";
import { codeWord, language, named, say, setLanguage } from "../words/say";
import { LANGUAGES, type Language } from "../words/languages";
import { showCount } from "./alert_told";
import { anchor, make, setText } from "./dom";
import { isWall, setWall, turnTheme } from "./look";

export class Header {
  readonly root: HTMLElement;
  private readonly time = make("span", "clock");
  private readonly open = anchor("", "/alerts", "chip count");
  private readonly books = make("span", "small");
  private readonly coverage = make("span", "chip still");

  constructor(
    private data: Data,
    redraw: () => void,
  ) {
    const { site } = data;
    const version = `Wattline ${site.version}`;
    const works = make("strong", "works", named(site.name, site.id));
    works.title = version;
    const simulated = make("span", "chip still simulated", say("simulated"));
    this.root = make(
      "header",
      "top",
      works,
      this.time,
      this.open,
      this.books,
      site.simulated ? simulated : "",
      this.coverage,
      make("span", "small version", version),
      make("span", "small leave", say("leave")),
      controls(data.alerts.there, redraw),
    );
  }

  update(): void {
    const { now, books, alerts, site } = this.data;
    setText(this.time, now ? clock(now.at_ms, site.timezone, true) : "–");
    setText(this.books, this.booksText());
    setText(this.coverage, `${say("coverage")} ${num(books?.today.coverage)} %`);
    showCount(this.open, alerts);
  }

  private booksText(): string {
    const { now, books, site } = this.data;
    if (!books) return say(now ? "noBooks" : "waiting");
    const to = moment(books.to_ms, site.timezone, now?.at_ms ?? books.to_ms);
    const shift = say("shift", { s: codeWord("shift", books.shift.id) });
    return `${say("booksTo", { t: to })} · ${shift}`;
  }
}

function controls(hasAlerts: boolean, redraw: () => void): HTMLElement {
  const pages = [
    pageLink(say("site"), "/"),
    pageLink(say("health"), "/health"),
    pageLink(say("factors"), "/factors"),
  ];
  if (hasAlerts) pages.push(pageLink(say("alerts"), "/alerts", /^\/(alerts|rules)/));
  const languages = LANGUAGES.map((one) => languageButton(one, redraw));
  const theme = button(say("theme"), false, () => {
    turnTheme();
    redraw();
  });
  const wall = button(say("wall"), isWall(), () => {
    setWall(!isWall());
    redraw();
  });
  wall.classList.add("towall");
  return make("div", "controls", ...pages, ...languages, theme, wall);
}

function languageButton(one: Language, redraw: () => void): HTMLElement {
  return button(one.label, one === language, () => {
    setLanguage(one);
    redraw();
  });
}

function button(label: string, isPressed: boolean, press: () => void): HTMLElement {
  const made = make("button", "chip", label);
  made.setAttribute("aria-pressed", String(isPressed));
  made.addEventListener("click", press);
  return made;
}

// `within` are the addresses at which the link counts as where one is.
function pageLink(label: string, path: string, within?: RegExp): HTMLElement {
  const link = anchor(label, path, "nav");
  const isHere = within ? within.test(location.pathname) : location.pathname === path;
  if (isHere) link.setAttribute("aria-current", "page");
  return link;
}
