// A rule in words: its condition as written, and what it means.
import { el } from "./dom";
import { lasting, name, t } from "./i18n";
import type { Rule } from "./types";

export function condition(rule: Rule): HTMLElement[] {
  const rows: [string, string | HTMLElement][] = [[t("when"), el("code", "", rule.when)]];
  if (rule.until) rows.push([t("untilRule"), el("code", "", rule.until)]);
  if (rule.for_s) rows.push([t("forAtLeast"), lasting(rule.for_s * 1000)]);
  if (rule.keep_firing_for_s) rows.push([t("keepFiring"), lasting(rule.keep_firing_for_s * 1000)]);
  rows.push([t("watched"), el("code", "", rule.figure)]);
  return [listed(rows), prose(name(rule.why, ""))];
}
// A sentence of a rule; what stands in backticks is to be typed as it is.
export function prose(said: string): HTMLElement {
  return el("p", "", ...said.split("`").map((part, i) => (i % 2 ? el("code", "", part) : part)));
}
// Names and what they stand for.
export function listed(rows: [string, string | HTMLElement][]): HTMLElement {
  return el("dl", "", ...rows.flatMap(([what, is]) => [el("dt", "", what), el("dd", "", is)]));
}
