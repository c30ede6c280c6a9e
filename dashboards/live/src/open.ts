// How an alert is told, wherever it stands: its mark, its sentence, what it is about, and how many nobody has taken.
import { anchor, el, text } from "./dom";
import { code, lasting, moment, name, num, plain, t } from "./i18n";
import type { Alert, Quiet, Rule, Site } from "./types";
import type { Watch } from "./watch";

const SHAPE: Record<string, string> = { critical: "◆", warning: "▲", info: "●" };

// Word and shape, so that colour is never alone; colour only for what is open.
export function mark(severity: string, open = false): HTMLElement {
  const shape = el("i", "", SHAPE[severity] ?? "●");
  shape.ariaHidden = "true";
  return el("span", `sev ${open ? severity : ""}`.trim(), shape, code("severity", severity));
}
export const sentence = (a: Alert): string => name(a.say, name(a.title, a.rule));
export const alertLink = (a: Alert, id = ""): HTMLElement => anchor(sentence(a), `/alerts/${a.id}`, "title", id);
export function subject(a: Alert): HTMLElement {
  const called = name(a.subject_name, a.subject);
  return a.per === "line" || a.per === "group" ? anchor(called, `/lines/${a.subject}`, "inline") : el("span", "", called);
}
export function called(site: Site, id: string): string {
  return name([...site.lines, ...site.groups, ...site.buses, site].find((x) => x.id === id)?.name, id);
}
// The rule and the subject that are kept quiet, by name; nothing for a shelved alert.
export function quietOf(q: Quiet, site: Site, rules: Rule[]): string {
  return [q.rule && name(rules.find((r) => r.id === q.rule)?.title, q.rule), q.subject && called(site, q.subject)].filter(Boolean).join(" · ");
}
export function amount(x: number | null, unit: string): string {
  return unit === "1" || !unit ? (x === null ? "–" : plain(x)) : `${num(x)} ${unit}`;
}
// Somebody has it, it is put aside, or another alert stands for it.
export const covered = (a: Alert): boolean => Boolean(a.quiet || a.cause || a.acknowledged);
export const uncovered = ({ list }: Watch): Alert[] => [...(list?.open ?? []), ...(list?.chattering ?? [])].filter((a) => !covered(a));

export function lasted(a: Alert, zone: string, nowMs: number): string {
  if (a.resolved_ms !== null) return `${moment(a.fired_ms, zone, nowMs)} · ${lasting(a.resolved_ms - a.fired_ms)}`;
  return `${t("since", { t: moment(a.since_ms, zone, nowMs) })} · ${lasting(nowMs - a.since_ms)}`;
}
// What people have done about it, and what is odd about it.
export function notes(a: Alert, zone: string, nowMs: number): HTMLElement[] {
  const said = [
    a.acknowledged && t("takenBy", { n: a.acknowledged.by }),
    a.quiet && t("quietUntil", { t: moment(a.quiet.until_ms, zone, nowMs), n: a.quiet.by }),
    a.state === "no_data" && t("gapBand"),
    a.late && t("foundLate"),
  ];
  return said.filter(Boolean).map((s) => el("span", "tag", s as string));
}
export function showCount(chip: HTMLElement, watch: Watch): void {
  const open = uncovered(watch), worst = open.find((a) => a.severity === "critical") ?? open.find((a) => a.severity === "warning");
  chip.hidden = !open.length;
  text(chip, `${SHAPE[worst?.severity ?? "info"]} ${t("openCount", { n: open.length })}`);
  chip.className = `chip count ${worst?.severity ?? "info"}`;
}
