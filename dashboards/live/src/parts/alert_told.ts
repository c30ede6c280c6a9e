// How an alert is told, wherever it stands: its mark, its sentence, what it is about, and how many nobody has taken.
import type { AlertWatch } from "../live/alert_watch";
import type { Alert, Quiet, Rule, Site } from "../types";
import { lasting, moment, num, plain } from "../words/numbers";
import { codeWord, named, placeName, say } from "../words/say";
import { anchor, make, setText } from "./dom";

const SHAPES: Record<string, string> = { critical: "◆", warning: "▲", info: "●" };
const SEVERITIES = ["critical", "warning", "info"];
const NO_UNIT = "1";

function severityRank({ severity }: { severity: string }): number {
  const rank = SEVERITIES.indexOf(severity);
  return rank < 0 ? SEVERITIES.length : rank;
}

// For sorting: the worst first.
export function bySeverity(one: { severity: string }, other: { severity: string }): number {
  return severityRank(one) - severityRank(other);
}

// Word and shape, so that colour is never alone; colour only for what is open.
export function severityMark(severity: string, isOpen = false): HTMLElement {
  const shape = make("i", "", SHAPES[severity] ?? "●");
  shape.setAttribute("aria-hidden", "true");
  const className = isOpen ? `sev ${severity}` : "sev";
  return make("span", className, shape, codeWord("severity", severity));
}

export function sentence(alert: Alert): string {
  return named(alert.say, named(alert.title, alert.rule));
}

export function alertLink(alert: Alert, id = ""): HTMLElement {
  return anchor(sentence(alert), `/alerts/${alert.id}`, "title", id);
}

export function subject(alert: Alert): HTMLElement {
  const called = named(alert.subject_name, alert.subject);
  const hasPage = alert.per === "line" || alert.per === "group";
  if (!hasPage) return make("span", "", called);
  return anchor(called, `/lines/${alert.subject}`, "inline");
}

// The rule and the subject that are kept quiet, by name; nothing for a shelved alert.
export function quietAbout(quiet: Quiet, site: Site, rules: Rule[]): string {
  const rule = rules.find((known) => known.id === quiet.rule);
  const ruleName = quiet.rule && named(rule?.title, quiet.rule);
  const placeOf = quiet.subject && placeName(site, quiet.subject);
  return [ruleName, placeOf].filter(Boolean).join(" · ");
}

export function amount(value: number | null, unit: string): string {
  if (unit && unit !== NO_UNIT) return `${num(value)} ${unit}`;
  return value === null ? "–" : plain(value);
}

// Somebody has it, it is put aside, or another alert stands for it.
export function isCovered(alert: Alert): boolean {
  return Boolean(alert.quiet || alert.cause || alert.acknowledged);
}

export function uncovered(watch: AlertWatch): Alert[] {
  return watch.open.filter((alert) => !isCovered(alert));
}

export function lasted(alert: Alert, zone: string, nowMs: number): string {
  if (alert.resolved_ms !== null) {
    const length = lasting(alert.resolved_ms - alert.fired_ms);
    return `${moment(alert.fired_ms, zone, nowMs)} · ${length}`;
  }
  const since = say("since", { t: moment(alert.since_ms, zone, nowMs) });
  return `${since} · ${lasting(nowMs - alert.since_ms)}`;
}

// What people have done about it, and what is odd about it.
export function notes(alert: Alert, zone: string, nowMs: number): HTMLElement[] {
  const said: string[] = [];
  const { acknowledged, quiet } = alert;
  if (acknowledged) said.push(say("takenBy", { n: acknowledged.by }));
  if (quiet) {
    const until = moment(quiet.until_ms, zone, nowMs);
    said.push(say("quietUntil", { t: until, n: quiet.by }));
  }
  if (alert.state === "no_data") said.push(say("gapBand"));
  if (alert.late) said.push(say("foundLate"));
  return said.map((note) => make("span", "tag", note));
}

export function showCount(chip: HTMLElement, watch: AlertWatch): void {
  const open = uncovered(watch);
  const worst = [...open].sort(bySeverity)[0]?.severity ?? "info";
  chip.hidden = open.length === 0;
  setText(chip, `${SHAPES[worst] ?? SHAPES.info} ${say("openCount", { n: open.length })}`);
  chip.className = `chip count ${worst}`;
}
