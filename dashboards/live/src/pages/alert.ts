// One alert: what it says, its curve, why it fired, what to do, what else fired, and who did what.
import { get } from "../live/ask";
import type { Data } from "../live/data";
import { acts, lift, quietLines } from "../parts/acts";
import {
  alertLink,
  amount,
  lasted,
  notes,
  quietAbout,
  sentence,
  severityMark,
  subject,
} from "../parts/alert_told";
import { make, renewing } from "../parts/dom";
import { condition, listed, prose, type Entry } from "../parts/rule_told";
import { Row, scrolled } from "../parts/tables";
import { WatchedSection } from "../parts/watched_section";
import type { Alert, Alerts, OneAlert, Rule, Trail } from "../types";
import { lasting, moment } from "../words/numbers";
import { codeWord, named, say } from "../words/say";
import type { Page } from "./page";

const MINUTE_MS = 60_000;

export function alertPage(data: Data, id: string): Page {
  return new AlertPage(data, id);
}

class AlertPage implements Page {
  readonly root: HTMLElement;
  private readonly zone: string;
  private readonly curve: WatchedSection;
  private readonly hiddenAtFirst: NodeListOf<HTMLElement>;
  private readonly renewHead;
  private readonly renewActs;
  private readonly renewTaken;
  private readonly renewRule;
  private readonly renewEvidence;
  private readonly renewNeighbours;
  private readonly renewTrail;
  private live = true;
  private isOver = false;
  private drawnList: Alerts | null = null;
  private lastShown = "";

  constructor(
    private data: Data,
    private id: string,
  ) {
    this.zone = data.site.timezone;
    this.curve = new WatchedSection(say("curve"), this.zone);
    const head = make("section", "alerthead", make("p", "", "…"));
    const actsPart = make("div", "first");
    const taken = make("div", "first");
    const rule = make("section", "card");
    const evidence = make("section", "card");
    const neighbours = make("section", "card");
    const trail = make("section", "card");
    this.renewHead = renewing(head);
    this.renewActs = renewing(actsPart);
    this.renewTaken = renewing(taken);
    this.renewRule = renewing(rule);
    this.renewEvidence = renewing(evidence);
    this.renewNeighbours = renewing(neighbours);
    this.renewTrail = renewing(trail);
    const main = make("div", "side", this.curve.root, rule);
    const beside = make("div", "side", actsPart, taken, evidence);
    const middle = make("section", "middle", main, beside);
    const pair = make("section", "pair", neighbours, trail);
    this.root = make("main", "alertpage", head, middle, pair);
    this.hiddenAtFirst = this.root.querySelectorAll<HTMLElement>(".middle, .card");
    this.hide(true);
    void this.load();
  }

  // The curve of an open alert grows by the minute.
  update(): void {
    const { list } = this.data.alerts;
    if (!list || list === this.drawnList || this.isOver) return;
    this.drawnList = list;
    const minute = Math.floor(list.at_ms / MINUTE_MS);
    const next = JSON.stringify([this.data.alerts.find(this.id), minute]);
    if (this.lastShown && next !== this.lastShown) void this.load();
    this.lastShown = next;
  }

  stop(): void {
    this.live = false;
    this.curve.stop();
  }

  private hide(isHidden: boolean): void {
    for (const part of this.hiddenAtFirst) part.hidden = isHidden;
  }

  private async load(): Promise<void> {
    try {
      const one = await get<OneAlert>(`/api/v1/alerts/${this.id}`);
      if (this.live) this.draw(one);
    } catch (error) {
      const wrong = make("p", "stale", (error as Error).message);
      if (this.live) this.renewHead(["error"], () => [wrong]);
    }
  }

  private readonly changed = async (): Promise<void> => {
    await Promise.all([this.data.alerts.load(), this.load()]);
  };

  // The time to count from: an alert that is over is told as of its end.
  private nowMs(alert: Alert): number {
    const listMs = this.data.alerts.list?.at_ms;
    if (alert.resolved_ms !== null) return Math.max(alert.resolved_ms, listMs ?? 0);
    return listMs ?? this.data.now?.at_ms ?? Date.now();
  }

  private draw({ alert, rule, chart, neighbours, trail }: OneAlert): void {
    const nowMs = this.nowMs(alert);
    const minute = Math.floor(nowMs / MINUTE_MS);
    this.isOver = alert.resolved_ms !== null;
    this.hide(false);
    const listMs = (): number => this.data.alerts.list?.at_ms ?? Date.now();
    this.renewHead([alert, minute], () => this.head(alert, nowMs));
    this.renewActs([this.isOver], () => [acts(alert, this.changed, listMs)]);
    const takenOf = [alert.quiet, alert.acknowledged];
    this.renewTaken(takenOf, () => this.taken(alert, rule, nowMs));
    this.curve.draw(chart, rule?.clock === "now");
    this.renewRule([rule], () => this.rule(alert, rule));
    this.renewEvidence([alert, minute], () => this.evidence(alert, nowMs));
    this.renewNeighbours([neighbours], () => this.neighbours(neighbours, nowMs));
    this.renewTrail([trail], () => this.trail(trail, nowMs));
  }

  private head(alert: Alert, nowMs: number): HTMLElement[] {
    const facts = [
      severityMark(alert.severity, !this.isOver),
      make("span", "tag", codeWord("alert", alert.state)),
      subject(alert),
      make("span", "", lasted(alert, this.zone, nowMs)),
      ...notes(alert, this.zone, nowMs),
    ];
    return [make("h1", "", sentence(alert)), make("div", "facts", ...facts)];
  }

  private taken(alert: Alert, rule: Rule | null, nowMs: number): HTMLElement[] {
    const { acknowledged, quiet } = alert;
    const parts: HTMLElement[] = [];
    if (acknowledged) {
      const by = make("strong", "", say("takenBy", { n: acknowledged.by }));
      const atMs = acknowledged.at_ms;
      const time = atMs === null ? "" : ` · ${moment(atMs, this.zone, nowMs)}`;
      const note = acknowledged.note ? ` · ${acknowledged.note}` : "";
      parts.push(make("p", "card taken", by, time, note));
    }
    if (quiet) {
      const about = quietAbout(quiet, this.data.site, rule ? [rule] : []);
      const lines = quietLines(quiet, about, this.zone, nowMs);
      parts.push(make("section", "card quiets", ...lines, lift(quiet, this.changed)));
    }
    return parts;
  }

  private rule(alert: Alert, rule: Rule | null): HTMLElement[] {
    if (!rule) return [make("p", "small", say("ruleGone", { r: alert.rule }))];
    const told = [make("h2", "", say("condition")), ...condition(rule)];
    const whatToDo = named(alert.do, named(rule.do, ""));
    if (whatToDo) told.push(make("h3", "", say("whatToDo")), prose(whatToDo));
    return told;
  }

  private evidence(alert: Alert, nowMs: number): HTMLElement[] {
    const at = (atMs: number): string => moment(atMs, this.zone, nowMs);
    const { resolved_ms: resolvedMs, fired_ms: firedMs, members } = alert;
    const ended: Entry =
      resolvedMs === null
        ? { name: say("lastedFor"), is: lasting(nowMs - firedMs) }
        : { name: say("resolvedAt"), is: at(resolvedMs) };
    const entries: Entry[] = [
      { name: say("value"), is: amount(alert.value, alert.unit) },
      { name: say("limit"), is: amount(alert.limit, alert.unit) },
      { name: say("conditionSince"), is: at(alert.since_ms) },
      { name: say("firedAt"), is: at(firedMs) },
      ended,
      { name: say("seen"), is: say(alert.late ? "seenLate" : "seenInTime") },
    ];
    const names = members.map((member) => named(member.subject_name, member.subject));
    if (names.length) entries.push({ name: say("members"), is: names.join(", ") });
    return [make("h2", "", say("evidence")), listed(entries)];
  }

  private neighbours(neighbours: Alert[], nowMs: number): HTMLElement[] {
    const title = make("h2", "", say("neighbours"));
    if (neighbours.length === 0) return [title, make("p", "small", say("noNeighbours"))];
    const items = neighbours.map((alert) => {
      const mark = severityMark(alert.severity, alert.resolved_ms === null);
      const head = make("div", "head", mark, alertLink(alert, `near-${alert.id}`));
      const span = make("span", "", lasted(alert, this.zone, nowMs));
      return make("li", "", head, make("div", "small facts", span));
    });
    return [title, make("ul", "open tablebox", ...items)];
  }

  private trail(steps: Trail[], nowMs: number): HTMLElement[] {
    const rows = steps.map(({ at_ms: atMs, actor, action, detail }) => {
      const time = moment(atMs, this.zone, nowMs);
      const note = detail === "found late" ? say("foundLate") : detail;
      return new Row().text(time, actor, codeWord("did", asCode(action)), note).root;
    });
    const heads = [say("at"), say("who"), say("what"), say("note")];
    const title = say("trail");
    return [make("h2", "", title), scrolled(title, heads, rows)];
  }
}

// "told (fired)" as the end of a word's key: told_fired.
function asCode(action: string): string {
  return action.replace(/\W+/g, "_").replace(/_$/, "");
}
