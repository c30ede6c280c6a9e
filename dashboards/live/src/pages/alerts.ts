// The Alerts page: what is open, what stands for long, what comes and goes, what was, and what is kept quiet.
import { get } from "../live/ask";
import type { Data } from "../live/data";
import { silences } from "../parts/acts";
import {
  alertLink,
  amount,
  isCovered,
  lasted,
  notes,
  quietAbout,
  sentence,
  severityMark,
  subject,
} from "../parts/alert_told";
import { anchor, make, renewing } from "../parts/dom";
import { Row, scrolled } from "../parts/tables";
import type { Alert, Alerts, Quiet, Rule } from "../types";
import { lasting, moment } from "../words/numbers";
import { named, say } from "../words/say";
import type { Word } from "../words/words";
import type { Page } from "./page";

const STANDING_MS = 86_400_000;
const MINUTE_MS = 60_000;

export function alertsPage(data: Data): Page {
  return new AlertsPage(data);
}

class AlertsPage implements Page {
  readonly root: HTMLElement;
  private readonly zone: string;
  private readonly renewNow;
  private readonly renewQuiet;
  private readonly renewPast;
  private live = true;
  private rules: Rule[] | null = null;
  private drawnList: Alerts | null = null;
  private lastKnown = "";
  private pastAlerts: Alert[] = [];
  private pickedRule = "";

  constructor(private data: Data) {
    this.zone = data.site.timezone;
    const now = make("div", "lists", make("p", "", "…"));
    const quiet = make("div");
    const past = make("section", "card");
    this.renewNow = renewing(now);
    this.renewQuiet = renewing(quiet);
    this.renewPast = renewing(past);
    const title = make("h1", "", say("alerts"));
    const head = make("div", "head", title, anchor(say("rules"), "/rules", "chip"));
    this.root = make("main", "alerts", head, now, quiet, past);
    void this.loadRules();
  }

  update(): void {
    const { there, list, failing } = this.data.alerts;
    if (!there) return this.renewNow([], () => [make("p", "", say("noRules"))]);
    if (!list) {
      if (failing) this.renewNow([], () => [unanswered()]);
      return;
    }
    if (list === this.drawnList && !failing) return;
    this.drawnList = list;
    this.draw();
    const known = this.data.alerts.open.map((alert) => [alert.id, alert.quiet?.id]);
    const next = JSON.stringify(known);
    if (next !== this.lastKnown) void this.load();
    this.lastKnown = next;
  }

  stop(): void {
    this.live = false;
  }

  private async loadRules(): Promise<void> {
    const rules = await get<Rule[]>("/api/v1/rules").catch(() => null);
    if (!rules) return;
    this.rules = rules;
    if (this.live) this.draw();
  }

  private async load(): Promise<void> {
    const [all, quiets] = await Promise.all([
      get<Alerts>("/api/v1/alerts?state=all").catch(() => null),
      get<Quiet[]>("/api/v1/silences").catch(() => null),
    ]);
    if (!this.live) return;
    if (all) {
      this.pastAlerts = all.past;
      this.drawPast(all.at_ms);
    }
    if (quiets) this.drawQuiets(quiets);
  }

  private readonly changed = async (): Promise<void> => {
    await Promise.all([this.data.alerts.load(), this.load()]);
  };

  private drawQuiets(all: Quiet[]): void {
    const about = (quiet: Quiet): string => this.about(quiet);
    const nowMs = this.data.alerts.list?.at_ms ?? 0;
    const parts = { all, about, zone: this.zone, nowMs, done: this.changed };
    this.renewQuiet([all, all.map(about)], () => (all.length ? [silences(parts)] : []));
  }

  private about(quiet: Quiet): string {
    const alert = quiet.alert ? this.data.alerts.find(quiet.alert) : undefined;
    return alert ? sentence(alert) : quietAbout(quiet, this.data.site, this.rules ?? []);
  }

  private draw(): void {
    const { list, failing, open } = this.data.alerts;
    if (!list) return;
    const minute = Math.floor(list.at_ms / MINUTE_MS);
    const shown = [list.open, list.chattering, this.rules?.length, failing, minute];
    const isOld = (alert: Alert): boolean => list.at_ms - alert.fired_ms > STANDING_MS;
    const ids = new Set(open.map((alert) => alert.id));
    const isOwn = (alert: Alert): boolean => !alert.cause || !ids.has(alert.cause);
    const steady = takenLast(list.open).filter(isOwn);
    const fresh = steady.filter((alert) => !isOld(alert));
    this.renewNow(shown, () => [
      ...(failing ? [unanswered()] : []),
      ...(ids.size ? this.part("openNow", null, fresh) : [this.nothingOpen()]),
      ...this.part("standing", "standingNote", steady.filter(isOld)),
      ...this.part("chattering", "chatteringNote", takenLast(list.chattering)),
    ]);
  }

  private nothingOpen(): HTMLElement {
    const watching = this.rules === null ? "" : say("rulesWatch", { n: this.rules.length });
    const answer = make("p", "answer", say("nothingOpen"));
    return make("section", "card calm", answer, make("p", "small", watching));
  }

  private part(title: Word, note: Word | null, alerts: Alert[]): HTMLElement[] {
    if (alerts.length === 0) return [];
    const heading = make("h2", "", `${say(title)} (${alerts.length})`);
    const said = note ? [make("p", "small", say(note))] : [];
    const items = alerts.map((alert) => this.item(alert, new Set()));
    const list = make("ul", "open", ...items);
    return [make("section", `card ${title}`, heading, ...said, list)];
  }

  // `above` are the alerts that this one is told under: none of them is told again below it.
  private item(alert: Alert, above: ReadonlySet<string>): HTMLElement {
    const nowMs = this.data.alerts.list?.at_ms ?? 0;
    const link = alertLink(alert, `open-${alert.id}`);
    const head = make("div", "head", severityMark(alert.severity, true), link);
    const facts = make(
      "div",
      "small facts",
      subject(alert),
      make("span", "", lasted(alert, this.zone, nowMs)),
      ...measured(alert),
      ...notes(alert, this.zone, nowMs),
    );
    const className = isCovered(alert) ? "covered" : "";
    return make("li", className, head, facts, ...this.folded(alert, above));
  }

  // What it stands for: members that have no alert of their own, and alerts told under it.
  private folded(alert: Alert, above: ReadonlySet<string>): HTMLElement[] {
    const under = this.data.alerts.open.filter(
      (other) => other.cause === alert.id && !above.has(other.id),
    );
    const told = new Set(under.map((other) => other.subject));
    const others = alert.members.filter((member) => !told.has(member.subject));
    const count = others.length + under.length;
    if (count === 0) return [];
    const summary = make("summary", "", say("standsFor", { n: count }));
    summary.id = `sum-${alert.id}`;
    const names = others.map((member) => named(member.subject_name, member.subject));
    const aboveThose = new Set([...above, alert.id]);
    const list = make(
      "ul",
      "open",
      ...names.map((name) => make("li", "small", name)),
      ...under.map((other) => this.item(other, aboveThose)),
    );
    const fold = make("details", "", summary, list);
    fold.id = `fold-${alert.id}`;
    return [fold];
  }

  private drawPast(nowMs: number): void {
    const titles = new Map<string, string>();
    for (const alert of this.pastAlerts) {
      titles.set(alert.rule, named(alert.title, alert.rule));
    }
    const picked = this.pastAlerts
      .filter((alert) => !this.pickedRule || alert.rule === this.pickedRule)
      .sort((one, other) => other.fired_ms - one.fired_ms);
    const title = say("past");
    this.renewPast([picked, this.pickedRule], () => {
      const heading = make("h2", "", `${title} (${picked.length})`);
      const filter = titles.size > 1 ? [this.filter(titles, nowMs)] : [];
      const rows = picked.map((alert) => this.pastRow(alert, nowMs));
      const body = rows.length
        ? scrolled(
            title,
            PAST_HEADS.map((head) => say(head)),
            rows,
            "tall",
          )
        : make("p", "small", say("none"));
      return [make("header", "", heading, ...filter), body];
    });
  }

  private pastRow(alert: Alert, nowMs: number): HTMLElement {
    const length = lasting((alert.resolved_ms ?? nowMs) - alert.fired_ms);
    const link = alertLink(alert, `past-${alert.id}`);
    const firedAt = moment(alert.fired_ms, this.zone, nowMs);
    return new Row()
      .text(link, severityMark(alert.severity), firedAt, alert.acknowledged?.by ?? "–")
      .numbers(length, amount(alert.value, alert.unit), amount(alert.limit, alert.unit)).root;
  }

  private filter(titles: Map<string, string>, nowMs: number): HTMLElement {
    const options = [...titles].map(([rule, title]) => new Option(title, rule));
    const choice = make("select", "", new Option(say("allRules"), ""), ...options);
    choice.id = "past-rule";
    choice.value = this.pickedRule;
    choice.setAttribute("aria-label", say("rule"));
    choice.addEventListener("change", () => {
      this.pickedRule = choice.value;
      this.drawPast(nowMs);
    });
    return choice;
  }
}

const PAST_HEADS: Word[] = [
  "alert",
  "severity",
  "at",
  "acknowledged",
  "lastedFor",
  "value",
  "limit",
];

function unanswered(): HTMLElement {
  return make("p", "stale", say("unanswered"));
}

// What somebody has in hand stands below what nobody has.
function takenLast(alerts: Alert[]): Alert[] {
  return [...alerts].sort((one, other) => Number(isCovered(one)) - Number(isCovered(other)));
}

function measured(alert: Alert): HTMLElement[] {
  if (alert.unit === "1") return [];
  const value = `${say("value")} ${amount(alert.value, alert.unit)}`;
  const limit = `${say("limit")} ${amount(alert.limit, alert.unit)}`;
  const said = alert.limit === null ? [value] : [value, limit];
  return said.map((text) => make("span", "", text));
}
