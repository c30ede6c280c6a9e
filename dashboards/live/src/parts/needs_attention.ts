// What needs attention: open alerts that nobody has taken stand first, then what the books noticed.
import type { Data } from "../live/data";
import type { Alert, Attention, Books } from "../types";
import { clock, moment, num, thousandth } from "../words/numbers";
import { codeWord, isWord, named, say, type Values } from "../words/say";
import { alertLink, bySeverity, uncovered } from "./alert_told";
import { anchor, make, renewing, type Child } from "./dom";
import { meterName } from "./explain";

const MOST = 7; // things in a row
const MOST_WALL = 3;
const MOST_OF_A_RULE = 2; // alerts of one rule that stand for themselves

export class NeedsAttention {
  readonly root: HTMLElement;
  private readonly list = make("ul", "attention");
  private readonly renewList = renewing(this.list);
  private readonly plan = new PlanBar();

  constructor(private data: Data) {
    const title = make("h2", "", say("attention"));
    this.root = make("section", "card needs", title, this.list, this.plan.root);
  }

  update(): void {
    const { now, books, alerts, booksAreLate } = this.data;
    const isWall = document.documentElement.classList.contains("wall");
    const most = isWall ? MOST_WALL : MOST;
    const open = uncovered(alerts);
    const shown = [open, books?.attention, !now, most];
    this.renewList(shown, () => this.items(open, most));
    this.plan.show(booksAreLate ? null : books);
  }

  private items(open: Alert[], most: number): Child[] {
    const { now, books } = this.data;
    const noticed = [...(books?.attention ?? [])].sort(
      (one, other) => bySeverity(one, other) || (other.since_ms ?? 0) - (one.since_ms ?? 0),
    );
    const all = [...this.alertItems(open), ...noticed.map((one) => this.noticedItem(one))];
    const hidden = all.length - most;
    if (!books) all.push(make("li", "calm", say(now ? "noBooks" : "waiting")));
    if (all.length === 0) all.push(make("li", "calm", say("allWell")));
    const shown: Child[] = all.slice(0, most);
    if (hidden > 0) shown.push(make("li", "rest small", say("more", { n: hidden })));
    return shown;
  }

  private alertItems(open: Alert[]): HTMLElement[] {
    const items: HTMLElement[] = [];
    for (const rule of new Set(open.map((alert) => alert.rule))) {
      const same = open.filter((alert) => alert.rule === rule);
      if (same.length > MOST_OF_A_RULE) items.push(this.severalItem(same));
      else items.push(...same.map((alert) => this.alertItem(alert)));
    }
    return items;
  }

  private alertItem(alert: Alert, link = alertLink(alert, `needs-${alert.id}`)): HTMLElement {
    const { site, alerts } = this.data;
    const since = moment(alert.since_ms, site.timezone, alerts.list?.at_ms ?? 0);
    const className = `${alert.severity} alert`;
    return make("li", className, make("span", "", link), make("time", "", since));
  }

  // Many with the same trouble are one line.
  private severalItem(same: Alert[]): HTMLElement {
    const first = same[0]!;
    const title = `${named(first.title, first.rule)} (${same.length})`;
    const link = anchor(title, "/alerts", "title", `needs-${first.rule}`);
    link.title = same.map((alert) => named(alert.subject_name, alert.subject)).join(", ");
    return this.alertItem(first, link);
  }

  private noticedItem(noticed: Attention): HTMLElement {
    const { code, until_ms: untilMs, severity, since_ms: sinceMs } = noticed;
    const word = code === "meter_silent" && untilMs ? "was_silent" : code;
    const said = isWord(word) ? say(word, this.values(noticed)) : codeWord("attention", code);
    const since = sinceMs === null ? "" : clock(sinceMs, this.data.site.timezone);
    return make("li", severity, make("span", "", said), make("time", "", since));
  }

  private values({ meter, line: lineId, params }: Attention): Values {
    const { site } = this.data;
    const line = site.lines.find((known) => known.id === lineId);
    const converter = site.converters.find((known) => known.id === params.converter);
    const called = meter === null ? "" : meterName(this.data, meter);
    const length = num(params.seconds ?? params.minutes ?? 0);
    return {
      m: line ? `${named(line.name, line.id)} · ${called}` : called,
      l: named(line?.name, lineId ?? ""),
      k: named(converter?.name, params.converter ?? ""),
      s: length.replace(/[.,]0+$/, ""),
      v: num(params.kw),
    };
  }
}

// Electricity of the day against the plan up to now.
class PlanBar {
  readonly root: HTMLElement;
  private readonly said = make("p", "small");
  private readonly bar = make("progress");

  constructor() {
    this.bar.setAttribute("aria-label", say("plan"));
    this.root = make("div", "plan", make("h2", "", say("plan")), this.said, this.bar);
    this.root.hidden = true;
  }

  show(books: Books | null): void {
    const used = books?.today.electricity_kwh ?? null;
    const planned = books?.today.plan_kwh ?? null;
    this.root.hidden = !planned || used === null;
    if (!planned || used === null) return;
    this.said.textContent = say("planNow", { a: thousandth(used), b: thousandth(planned) });
    this.bar.max = planned;
    this.bar.value = used;
  }
}
