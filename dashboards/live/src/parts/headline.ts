// The strip of six figures on top: four of now, two of the day in the books.
import { COVERED } from "../constants";
import type { Data } from "../live/data";
import type { Books, Now, SiteNow, Today } from "../types";
import { day, num, signed, thousandth } from "../words/numbers";
import { say } from "../words/say";
import type { Word } from "../words/words";
import { make } from "./dom";
import { explain, type Clicked } from "./explain";
import { figure, GUESSED_PERCENT, type Figure } from "./figure";
import { lateText } from "./line_told";
import { MOST_GRAMS } from "./palette";

interface TileParts {
  label: Word;
  figure: string;
  span: Clicked["span"];
}

export class Headline {
  readonly root: HTMLElement;
  private readonly power;
  private readonly intensity;
  private readonly electrified;
  private readonly renewable;
  private readonly electricity;
  private readonly carbon;
  private readonly mark = make("i", "mark");
  private drawnBooks: Books | null = null;
  private wasLate = false;

  constructor(private data: Data) {
    this.power = this.tile({ label: "power", figure: "power.electricity", span: "now" });
    this.intensity = this.tile({
      label: "intensity",
      figure: "intensity.electricity",
      span: "now",
    });
    this.electrified = this.tile({
      label: "electrified",
      figure: "electrification.calorific",
      span: "now",
    });
    this.renewable = this.tile({ label: "sun", figure: "renewable.physical", span: "now" });
    this.electricity = this.tile({ label: "elToday", figure: "energy.electricity", span: "today" });
    this.carbon = this.tile({
      label: "carbonToday",
      figure: "carbon.total_location",
      span: "today",
    });
    this.mark.hidden = true;
    this.intensity.root.append(make("div", "scale", this.mark));
    const ofNow = [this.power, this.intensity, this.electrified, this.renewable];
    const tiles = [...ofNow, this.electricity, this.carbon];
    this.root = make("section", "strip", ...tiles.map((tile) => tile.root));
  }

  update(): void {
    const { now, books, booksAreLate } = this.data;
    if (now) this.showNow(now);
    const isNew = books !== this.drawnBooks || booksAreLate !== this.wasLate;
    if (books && isNew) this.showBooks(books);
    this.drawnBooks = books;
    this.wasLate = booksAreLate;
  }

  private tile({ label, figure: name, span }: TileParts): Figure {
    const title = say(label);
    const clicked: Clicked = { figure: name, of: "site", title, span };
    const badge = say(span === "now" ? "now" : "books");
    return figure({ label: title, badge, explain: () => void explain(this.data, clicked) });
  }

  private showNow({ site }: Now): void {
    const coverage = 100 * (site.coverage ?? 1);
    const isLow = coverage < COVERED;
    const note = (said: string): string =>
      isLow ? say("lowCoverage", { v: num(coverage) }) : said;
    this.power.show({
      value: thousandth(site.power_kw),
      unit: "MW",
      note: note(this.againstLastWeek()),
      dim: isLow,
    });
    this.electrified.show({
      value: num(site.figures["electrification.calorific@final"]),
      unit: "%",
      note: note(say("calorific")),
      dim: isLow,
    });
    this.renewable.show({
      value: num(site.figures["renewable.physical"]),
      unit: "%",
      note: note(say("claimed", { v: num(site.figures["renewable.claimed"]) })),
      dim: isLow,
    });
    this.showIntensity(site, isLow);
  }

  // Like is compared with like: not while the books speak of another time.
  private againstLastWeek(): string {
    const { books, booksAreLate } = this.data;
    const change = books?.last_week.electricity_pct;
    if (change == null || booksAreLate) return "";
    return say("vsWeek", { v: signed(change) });
  }

  private showIntensity({ figures }: SiteNow, isLow: boolean): void {
    const grams = figures["intensity.electricity"];
    this.intensity.show({ value: num(grams), unit: say("perKwhEl"), dim: isLow });
    this.mark.hidden = grams == null;
    const percent = Math.min(100, (100 * (grams ?? 0)) / MOST_GRAMS);
    // Moved by the compositor: `left` would lay the page out 50 times a second.
    this.mark.style.transform = `translateX(${percent}%)`;
  }

  private showBooks({ today }: Books): void {
    this.nameTheDay(today);
    const isLow = (today.coverage ?? 0) < COVERED;
    const isGuessed = (today.estimated ?? 0) > GUESSED_PERCENT;
    const late = lateText(this.data);
    const note = (said: string): string =>
      late || (isLow ? say("lowCoverage", { v: num(today.coverage) }) : said);
    const shown = (value: number | null | undefined): string =>
      (value != null && isGuessed ? "~" : "") + thousandth(value);
    const { total_location: total, scope1, scope2_location: scope2 } = today.carbon_kg;
    const scopes = say("scopes", { a: thousandth(scope1), b: thousandth(scope2) });
    this.electricity.show({
      value: shown(today.electricity_kwh),
      unit: "MWh",
      note: note(againstPlan(today)),
      dim: isLow,
    });
    this.carbon.show({ value: shown(total), unit: "t", note: note(scopes), dim: isLow });
  }

  // Books that are behind may be of another day: then it is named, for "today" is never another day.
  private nameTheDay(today: Today): void {
    const { booksAreOfToday, site } = this.data;
    const date = booksAreOfToday ? "" : day(today.from_ms, site.timezone);
    this.electricity.rename(date ? say("elOn", { d: date }) : say("elToday"));
    this.carbon.rename(date ? say("carbonOn", { d: date }) : say("carbonToday"));
  }
}

function againstPlan({ electricity_kwh: used, plan_kwh: planned }: Today): string {
  if (!planned || used === null) return "";
  return say("vsPlan", { v: signed((100 * (used - planned)) / planned) });
}
