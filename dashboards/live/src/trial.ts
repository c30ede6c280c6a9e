// A rule tried on the past: how often it would have fired, and how other thresholds would have done.
import { field } from "./acts";
import { get, type Data } from "./data";
import { anchor, el, numbers, renewing, row, scrolled } from "./dom";
import { lasting, moment, name, num, t, whole } from "./i18n";
import { amount, called, mark } from "./open";
import { condition } from "./rule";
import type { Page } from "./site";
import type { Rule, Watched } from "./types";
import { watchedSection } from "./watched";

interface Span { subject: string; from_ms: number; to_ms: number | null; value: number | null; limit: number | null }
interface Other { factor: number; fired: number; per_week: number; seconds: number }
interface Trial { rule: string; known: string; from_ms: number; to_ms: number; unit: string; when: string; fired: number; per_week: number; seconds: number; spans: Span[]; others: Other[]; chart: Watched & { subject: string } }

export function trialPage(data: Data, id: string): Page {
  const zone = data.site.timezone, stop = new AbortController();
  const about = el("section", "card", "…"), result = el("section", "card"), tables = el("section", "pair"), curve = watchedSection(t("curve"), zone);
  const days = choice([["7", t("days", { n: 7 })], ["28", t("days", { n: 28 })]]), known = choice([["now", t("knownNow")], ["then", t("knownThen")]]);
  const factor = Object.assign(el("input"), { type: "number", min: "0.05", max: "100", step: "0.05", value: "1", required: true });
  const button = el("button", "chip do", t("tryIt")), working = el("div", "working", el("progress"), el("span", "", t("working"))), wrong = el("p", "stale");
  const form = el("form", "", field("span", days), field("known", known), field("factorOf", factor), button, working, wrong);
  const root = el("main", "trialpage", el("h1", "", t("backtest")), el("section", "middle", el("section", "card", el("h2", "", t("tryPast")), el("p", "small", t("tryNote")), form), about), result, curve.root, tables);
  const done = [result, curve.root, tables], show = renewing(result);
  working.hidden = true;
  working.setAttribute("role", "status");
  wrong.setAttribute("role", "alert");
  done.forEach((part) => (part.hidden = true));
  void get<Rule[]>("/api/v1/rules", stop.signal).then((all) => head(all.find((r) => r.id === id)), (error: Error) => stop.signal.aborted || (about.textContent = error.message));
  form.addEventListener("submit", (e) => (e.preventDefault(), void run()));

  function head(rule: Rule | undefined): void {
    if (!rule) return about.replaceChildren(el("p", "stale", t("ruleGone", { r: id })));
    root.querySelector("h1")!.textContent = `${name(rule.title, id)}: ${t("backtest")}`;
    about.replaceChildren(el("header", "", el("h2", "", t("condition")), mark(rule.severity)), ...condition(rule), anchor(t("rules"), "/rules", "chip"));
  }
  async function run(): Promise<void> {
    button.disabled = true;
    working.hidden = false;
    wrong.textContent = "";
    done.forEach((part) => (part.hidden = true));
    try {
      draw(await get<Trial>(`/api/v1/rules/${id}/backtest?from=-${days.value}d&known=${known.value}&level=${factor.value}`, stop.signal));
    } catch (error) {
      if (!stop.signal.aborted) wrong.textContent = (error as Error).message;
    } finally {
      button.disabled = false;
      working.hidden = true;
    }
  }
  function draw(b: Trial): void {
    done.forEach((part) => (part.hidden = false));
    show(b, () => [el("p", "answer", t("wouldFire", { n: whole(b.fired) })), el("p", "small", `${t("perWeek", { n: num(b.per_week) })} · ${t("inAll", { t: lasting(b.seconds * 1000) })} · ${moment(b.from_ms, zone, b.to_ms)} – ${moment(b.to_ms, zone, b.from_ms)}`)]);
    curve.draw(b.chart.start_ms.length ? b.chart : null);
    curve.root.querySelector("h2")!.textContent = b.chart.subject ? `${t("curve")}: ${called(data.site, b.chart.subject)}` : t("curve");
    tables.replaceChildren(others(b), spans(b));
  }
  function others(b: Trial): HTMLElement {
    const rows = b.others.map((o) => el("tr", o.factor === Number(factor.value) ? "this" : "", ...numbers(`${whole(100 * o.factor)} %`, whole(o.fired), num(o.per_week), lasting(o.seconds * 1000))));
    return el("section", "card", el("h2", "", t("others")), scrolled(t("others"), [t("threshold"), t("fired"), t("aWeek"), t("lastedFor")], rows));
  }
  function spans(b: Trial): HTMLElement {
    const rows = [...b.spans].reverse().map((s) => {
      const line = row(called(data.site, s.subject), moment(s.from_ms, zone, b.to_ms));
      line.append(...numbers(s.to_ms === null ? t("alert_firing") : lasting(s.to_ms - s.from_ms), amount(s.value, b.unit), amount(s.limit, b.unit)));
      return line;
    });
    return el("section", "card", el("h2", "", t("wouldBe")), rows.length ? scrolled(t("wouldBe"), [t("where"), t("at"), t("lastedFor"), t("value"), t("limit")], rows) : el("p", "small", t("none")));
  }
  return { root, update: () => undefined, stop: () => (stop.abort(), curve.stop()) };
}
function choice(all: [string, string][]): HTMLSelectElement {
  return el("select", "", ...all.map(([value, label]) => new Option(label, value)));
}
