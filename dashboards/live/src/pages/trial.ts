// A rule tried on the past: how often it would have fired, and how other thresholds would have done.
import { get } from "../live/ask";
import type { Data } from "../live/data";
import { field } from "../parts/acts";
import { amount, severityMark } from "../parts/alert_told";
import { anchor, make, renewing, withRole } from "../parts/dom";
import { condition } from "../parts/rule_told";
import { Row, scrolled } from "../parts/tables";
import { WatchedSection } from "../parts/watched_section";
import type { OtherLevel, Rule, Backtest, Firing } from "../types";
import { lasting, moment, num, whole } from "../words/numbers";
import { named, placeName, say } from "../words/say";
import { NOTHING_TO_DO, type Page } from "./page";

export function trialPage(data: Data, id: string): Page {
  return new TrialPage(data, id);
}

class TrialPage implements Page {
  readonly root: HTMLElement;
  readonly update = NOTHING_TO_DO;
  private readonly asking = new AbortController();
  private readonly title = make("h1", "", say("backtest"));
  private readonly about = make("section", "card", "…");
  private readonly result = make("section", "card");
  private readonly tables = make("section", "pair");
  private readonly curve: WatchedSection;
  private readonly renewResult = renewing(this.result);
  private readonly days = choice([
    { value: "7", label: say("days", { n: 7 }) },
    { value: "28", label: say("days", { n: 28 }) },
  ]);
  private readonly known = choice([
    { value: "now", label: say("knownNow") },
    { value: "then", label: say("knownThen") },
  ]);
  private readonly factor = factorInput();
  private readonly button = make("button", "chip do", say("tryIt"));
  private readonly working: HTMLElement;
  private readonly wrong = withRole(make("p", "stale"), "alert");
  private readonly found: HTMLElement[];

  constructor(
    private data: Data,
    private id: string,
  ) {
    this.curve = new WatchedSection(say("curve"), data.site.timezone);
    const progress = make("progress");
    const working = make("div", "working", progress, make("span", "", say("working")));
    this.working = withRole(working, "status");
    this.working.hidden = true;
    this.found = [this.result, this.curve.root, this.tables];
    this.hideFound(true);
    const tryPast = make("h2", "", say("tryPast"));
    const note = make("p", "small", say("tryNote"));
    const card = make("section", "card", tryPast, note, this.form());
    const middle = make("section", "middle", card, this.about);
    this.root = make("main", "trialpage", this.title, middle, ...this.found);
    void this.loadRule();
  }

  stop(): void {
    this.asking.abort();
    this.curve.stop();
  }

  private form(): HTMLElement {
    const fields = [
      field("span", this.days),
      field("known", this.known),
      field("factorOf", this.factor),
    ];
    const form = make("form", "", ...fields, this.button, this.working, this.wrong);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.run();
    });
    return form;
  }

  private hideFound(isHidden: boolean): void {
    for (const part of this.found) part.hidden = isHidden;
  }

  private async loadRule(): Promise<void> {
    try {
      const rules = await get<Rule[]>("/api/v1/rules", this.asking.signal);
      this.showRule(rules.find((rule) => rule.id === this.id));
    } catch (error) {
      if (!this.asking.signal.aborted) this.about.textContent = (error as Error).message;
    }
  }

  private showRule(rule: Rule | undefined): void {
    if (!rule) {
      this.about.replaceChildren(make("p", "stale", say("ruleGone", { r: this.id })));
      return;
    }
    this.title.textContent = `${named(rule.title, this.id)}: ${say("backtest")}`;
    const heading = make("h2", "", say("condition"));
    const header = make("header", "", heading, severityMark(rule.severity));
    const toRules = anchor(say("rules"), "/rules", "chip");
    this.about.replaceChildren(header, ...condition(rule), toRules);
  }

  private async run(): Promise<void> {
    this.button.disabled = true;
    this.working.hidden = false;
    this.wrong.textContent = "";
    this.hideFound(true);
    try {
      this.draw(await get<Backtest>(this.question(), this.asking.signal));
    } catch (error) {
      if (!this.asking.signal.aborted) this.wrong.textContent = (error as Error).message;
    } finally {
      this.button.disabled = false;
      this.working.hidden = true;
    }
  }

  private question(): string {
    const span = `from=-${this.days.value}d`;
    const how = `known=${this.known.value}&level=${this.factor.value}`;
    return `/api/v1/rules/${this.id}/backtest?${span}&${how}`;
  }

  private draw(trial: Backtest): void {
    const { chart } = trial;
    this.hideFound(false);
    this.renewResult(trial, () => this.answer(trial));
    this.curve.draw(chart.start_ms.length ? chart : null);
    const place = chart.subject ? placeName(this.data.site, chart.subject) : "";
    this.curve.rename(place ? `${say("curve")}: ${place}` : say("curve"));
    this.tables.replaceChildren(this.others(trial), this.spans(trial));
  }

  private answer(trial: Backtest): HTMLElement[] {
    const zone = this.data.site.timezone;
    const from = moment(trial.from_ms, zone, trial.to_ms);
    const to = moment(trial.to_ms, zone, trial.from_ms);
    const facts = [
      say("perWeek", { n: num(trial.per_week) }),
      say("inAll", { t: lasting(trial.seconds * 1000) }),
      `${from} – ${to}`,
    ];
    const answer = say("wouldFire", { n: whole(trial.fired) });
    return [make("p", "answer", answer), make("p", "small", facts.join(" · "))];
  }

  private others({ others }: Backtest): HTMLElement {
    const tried = Number(this.factor.value);
    const heads = [say("threshold"), say("fired"), say("aWeek"), say("lastedFor")];
    const rows = others.map((other) => otherRow(other, other.factor === tried));
    const title = say("others");
    return make("section", "card", make("h2", "", title), scrolled(title, heads, rows));
  }

  private spans(trial: Backtest): HTMLElement {
    const title = say("wouldBe");
    const heads = [say("where"), say("at"), say("lastedFor"), say("value"), say("limit")];
    const newestFirst = [...trial.spans].reverse();
    const rows = newestFirst.map((span) => this.spanRow(span, trial));
    const body = rows.length ? scrolled(title, heads, rows) : make("p", "small", say("none"));
    return make("section", "card", make("h2", "", title), body);
  }

  private spanRow(span: Firing, { to_ms: endMs, unit }: Backtest): HTMLElement {
    const { site } = this.data;
    const isOpen = span.to_ms === null;
    const length = isOpen ? say("alert_firing") : lasting(span.to_ms! - span.from_ms);
    return new Row()
      .text(placeName(site, span.subject), moment(span.from_ms, site.timezone, endMs))
      .numbers(length, amount(span.value, unit), amount(span.limit, unit)).root;
  }
}

function otherRow(other: OtherLevel, isTried: boolean): HTMLElement {
  const factor = `${whole(100 * other.factor)} %`;
  const length = lasting(other.seconds * 1000);
  return new Row(isTried ? "this" : "").numbers(
    factor,
    whole(other.fired),
    num(other.per_week),
    length,
  ).root;
}

function factorInput(): HTMLInputElement {
  const input = make("input");
  input.type = "number";
  input.min = "0.05";
  input.max = "100";
  input.step = "0.05";
  input.value = "1";
  input.required = true;
  return input;
}

interface Choice {
  value: string;
  label: string;
}

function choice(options: Choice[]): HTMLSelectElement {
  return make("select", "", ...options.map(({ value, label }) => new Option(label, value)));
}
