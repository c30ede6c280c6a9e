// The Alerts page: what is open, what stands for long, what comes and goes, what was, and what is kept quiet.
import { silences } from "./acts";
import { get, type Data } from "./data";
import { anchor, el, numbers, renewing, row, scrolled } from "./dom";
import { lasting, moment, name, t, type Word } from "./i18n";
import { alertLink, amount, covered, lasted, mark, notes, quietOf, sentence, subject } from "./open";
import type { Page } from "./site";
import type { Alert, Alerts, Quiet, Rule } from "./types";

const STANDING_MS = 86_400_000;
const MINUTE_MS = 60_000;

export function alertsPage(data: Data): Page {
  const zone = data.site.timezone, watch = data.alerts;
  const now = el("div", "lists", el("p", "", "…")), quiet = el("div"), past = el("section", "card");
  const showNow = renewing(now), showQuiet = renewing(quiet), showPast = renewing(past);
  const root = el("main", "alerts", el("div", "head", el("h1", "", t("alerts")), anchor(t("rules"), "/rules", "chip")), now, quiet, past);
  let live = true, rules: Rule[] | null = null, drawn: Alerts | null = null, was = "", kept: Alert[] | null = null, only = "";
  void get<Rule[]>("/api/v1/rules").then((all) => ((rules = all), live && draw()), () => undefined);

  async function load(): Promise<void> {
    const [all, quiets] = await Promise.all([get<Alerts>("/api/v1/alerts?state=all").catch(() => null), get<Quiet[]>("/api/v1/silences").catch(() => null)]);
    if (!live) return;
    if (all) (kept = all.past), drawPast(all.at_ms);
    if (quiets) showQuiet([quiets, quiets.map(about)], () => (quiets.length ? [silences(quiets, about, zone, watch.list?.at_ms ?? 0, changed)] : []));
  }
  function about(q: Quiet): string {
    const alert = q.alert ? watch.find(q.alert) : undefined;
    return alert ? sentence(alert) : quietOf(q, data.site, rules ?? []);
  }
  async function changed(): Promise<void> {
    await Promise.all([watch.load(), load()]);
  }
  function update(): void {
    if (!watch.there) return showNow([], () => [el("p", "", t("noRules"))]);
    if (!watch.list) return watch.failing ? showNow([], () => [el("p", "stale", t("unanswered"))]) : undefined;
    if (watch.list === drawn && !watch.failing) return;
    drawn = watch.list;
    draw();
    const known = JSON.stringify([...drawn.open, ...drawn.chattering].map((a) => [a.id, a.quiet?.id]));
    if (known !== was) void load();
    was = known;
  }
  function draw(): void {
    const { list } = watch;
    if (!list) return;
    const at = list.at_ms, [open, chattering] = [list.open, list.chattering].map((all) => [...all].sort((a, b) => Number(covered(a)) - Number(covered(b))));
    const shown = new Set([...open!, ...chattering!].map((a) => a.id));
    const own = open!.filter((a) => !a.cause || !shown.has(a.cause)), old = (a: Alert) => at - a.fired_ms > STANDING_MS;
    showNow([list.open, list.chattering, rules?.length, watch.failing, Math.floor(at / MINUTE_MS)], () => [
      ...(watch.failing ? [el("p", "stale", t("unanswered"))] : []),
      ...(shown.size ? part("openNow", "", own.filter((a) => !old(a)), list) : [empty()]),
      ...part("standing", "standingNote", own.filter(old), list), ...part("chattering", "chatteringNote", chattering!, list),
    ]);
  }
  function empty(): HTMLElement {
    return el("section", "card calm", el("p", "answer", t("nothingOpen")), el("p", "small", rules === null ? "" : t("rulesWatch", { n: rules.length })));
  }
  function part(title: Word, note: Word | "", all: Alert[], list: Alerts): HTMLElement[] {
    const said = note ? [el("p", "small", t(note))] : [];
    return all.length ? [el("section", `card ${title}`, el("h2", "", `${t(title)} (${all.length})`), ...said, el("ul", "open", ...all.map((a) => item(a, list))))] : [];
  }
  function item(a: Alert, list: Alerts): HTMLElement {
    const under = [...list.open, ...list.chattering].filter((b) => b.cause === a.id), at = list.at_ms, told = new Set(under.map((b) => b.subject));
    const limit = a.limit === null ? [] : [el("span", "", `${t("limit")} ${amount(a.limit, a.unit)}`)];
    const measured = a.unit === "1" ? [] : [el("span", "", `${t("value")} ${amount(a.value, a.unit)}`), ...limit];
    const silent = a.members.filter((m) => !told.has(m.subject)).map((m) => name(m.subject_name, m.subject));
    return el("li", covered(a) ? "covered" : "", el("div", "head", mark(a.severity, true), alertLink(a, `open-${a.id}`)), el("div", "small facts", subject(a), el("span", "", lasted(a, zone, at)), ...measured, ...notes(a, zone, at)), ...folded(a, silent, under, list));
  }
  function folded(a: Alert, silent: string[], under: Alert[], list: Alerts): HTMLElement[] {
    if (!silent.length && !under.length) return [];
    const summary = Object.assign(el("summary", "", t("standsFor", { n: silent.length + under.length })), { id: `sum-${a.id}` });
    const all = el("ul", "open", ...silent.map((m) => el("li", "small", m)), ...under.map((b) => item(b, { ...list, open: list.open.filter((x) => x !== a), chattering: list.chattering.filter((x) => x !== a) })));
    return [Object.assign(el("details", "", summary, all), { id: `fold-${a.id}` })];
  }
  function drawPast(at: number): void {
    const found = new Map((kept ?? []).map((a) => [a.rule, name(a.title, a.rule)]));
    const picked = (kept ?? []).filter((a) => !only || a.rule === only).sort((a, b) => b.fired_ms - a.fired_ms);
    const cells = (a: Alert): HTMLElement => {
      const line = row(alertLink(a, `past-${a.id}`), mark(a.severity), moment(a.fired_ms, zone, at), a.acknowledged?.by ?? "–");
      line.append(...numbers(lasting((a.resolved_ms ?? at) - a.fired_ms), amount(a.value, a.unit), amount(a.limit, a.unit)));
      return line;
    };
    const head = [t("alert"), t("severity"), t("at"), t("acknowledged"), t("lastedFor"), t("value"), t("limit")];
    showPast([picked, only], () => [
      el("header", "", el("h2", "", `${t("past")} (${picked.length})`), ...(found.size > 1 ? [filter(found, at)] : [])),
      picked.length ? scrolled(t("past"), head, picked.map(cells), "tall") : el("p", "small", t("none")),
    ]);
  }
  function filter(found: Map<string, string>, at: number): HTMLElement {
    const pick = Object.assign(el("select", "", new Option(t("allRules"), ""), ...[...found].map(([id, title]) => new Option(title, id))), { id: "past-rule", value: only, ariaLabel: t("rule") });
    pick.addEventListener("change", () => ((only = pick.value), drawPast(at)));
    return pick;
  }
  return { root, update, stop: () => (live = false) };
}
