// One alert: what it says, its curve, why it fired, what to do, what else fired, and who did what.
import { acts, lift, quietLines } from "./acts";
import { get, type Data } from "./data";
import { el, renewing, row, scrolled } from "./dom";
import { code, lasting, moment, name, t } from "./i18n";
import { alertLink, amount, lasted, mark, notes, quietOf, sentence, subject } from "./open";
import { condition, listed, prose } from "./rule";
import type { Page } from "./site";
import type { Alert, Alerts, OneAlert } from "./types";
import { watchedSection } from "./watched";

const MINUTE_MS = 60_000;

export function alertPage(data: Data, id: string): Page {
  const zone = data.site.timezone, watch = data.alerts;
  const head = el("section", "alerthead", el("p", "", "…")), act = el("div", "first"), quiet = el("div", "first"), words = el("section", "card"), facts = el("section", "card"), near = el("section", "card"), trail = el("section", "card");
  const show = [head, act, quiet, words, facts, near, trail].map(renewing);
  const curve = watchedSection(t("curve"), zone);
  const root = el("main", "alertpage", head, el("section", "middle", el("div", "side", curve.root, words), el("div", "side", act, quiet, facts)), el("section", "pair", near, trail));
  let live = true, drawn: Alerts | null = null, was = "", over = false;
  const parts = root.querySelectorAll<HTMLElement>(".middle, .card");
  parts.forEach((part) => (part.hidden = true));
  void load();

  async function load(): Promise<void> {
    try {
      const one = await get<OneAlert>(`/api/v1/alerts/${id}`);
      if (live) draw(one);
    } catch (error) {
      if (live) show[0]!(["error"], () => [el("p", "stale", (error as Error).message)]);
    }
  }
  async function changed(): Promise<void> {
    await Promise.all([watch.load(), load()]);
  }
  // The curve of an open alert grows by the minute.
  function update(): void {
    if (!watch.list || watch.list === drawn || over) return;
    drawn = watch.list;
    const next = JSON.stringify([watch.find(id), Math.floor(drawn.at_ms / MINUTE_MS)]);
    if (was && next !== was) void load();
    was = next;
  }
  function draw({ alert: a, rule, chart, neighbours, trail: steps }: OneAlert): void {
    const at = a.resolved_ms === null ? (watch.list?.at_ms ?? data.now?.at_ms ?? Date.now()) : Math.max(a.resolved_ms, watch.list?.at_ms ?? 0), minute = Math.floor(at / MINUTE_MS);
    over = a.resolved_ms !== null;
    parts.forEach((part) => (part.hidden = false));
    show[0]!([a, minute], () => [el("h1", "", sentence(a)), el("div", "facts", mark(a.severity, !over), el("span", "tag", code("alert", a.state)), subject(a), el("span", "", lasted(a, zone, at)), ...notes(a, zone, at))]);
    show[1]!([over], () => [acts(a, changed, () => watch.list?.at_ms ?? Date.now())]);
    show[2]!([a.quiet, a.acknowledged], () => [...taken(a, at), ...(a.quiet ? [el("section", "card quiets", ...quietLines(a.quiet, quietOf(a.quiet, data.site, rule ? [rule] : []), zone, at), lift(a.quiet, changed))] : [])]);
    curve.draw(chart, rule?.clock === "now");
    show[3]!([rule], () => (rule ? [el("h2", "", t("condition")), ...condition(rule), ...(name(a.do, name(rule.do, "")) ? [el("h3", "", t("whatToDo")), prose(name(a.do, name(rule.do, "")))] : [])] : [el("p", "small", t("ruleGone", { r: a.rule }))]));
    show[4]!([a, minute], () => [el("h2", "", t("evidence")), evidence(a, at)]);
    show[5]!([neighbours], () => [el("h2", "", t("neighbours")), neighbours.length ? el("ul", "open tablebox", ...neighbours.map((n) => el("li", "", el("div", "head", mark(n.severity, n.resolved_ms === null), alertLink(n, `near-${n.id}`)), el("div", "small facts", el("span", "", lasted(n, zone, at)))))) : el("p", "small", t("noNeighbours"))]);
    const told = steps.map((s) => row(moment(s.at_ms, zone, at), s.actor, code("did", s.action.replace(/\W+/g, "_").replace(/_$/, "")), s.detail === "found late" ? t("foundLate") : s.detail));
    show[6]!([steps], () => [el("h2", "", t("trail")), scrolled(t("trail"), [t("at"), t("who"), t("what"), t("note")], told)]);
  }
  function taken(a: Alert, at: number): HTMLElement[] {
    if (!a.acknowledged) return [];
    const { by, at_ms, note } = a.acknowledged;
    return [el("p", "card taken", el("strong", "", t("takenBy", { n: by })), at_ms === null ? "" : ` · ${moment(at_ms, zone, at)}`, note ? ` · ${note}` : "")];
  }
  function evidence(a: Alert, at: number): HTMLElement {
    return listed([
      [t("value"), amount(a.value, a.unit)], [t("limit"), amount(a.limit, a.unit)],
      [t("conditionSince"), moment(a.since_ms, zone, at)], [t("firedAt"), moment(a.fired_ms, zone, at)],
      a.resolved_ms === null ? [t("lastedFor"), lasting(at - a.fired_ms)] : [t("resolvedAt"), moment(a.resolved_ms, zone, at)],
      [t("seen"), t(a.late ? "seenLate" : "seenInTime")],
      ...(a.members.length ? [[t("members"), a.members.map((m) => name(m.subject_name, m.subject)).join(", ")] as [string, string]] : []),
    ]);
  }
  return { root, update, stop: () => ((live = false), curve.stop()) };
}
