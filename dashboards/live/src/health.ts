// Data health: connections, meters, verdicts, gaps. What is wrong stands first.
import { get, type Data } from "./data";
import { el } from "./dom";
import { clock, num, t } from "./i18n";
import type { Page } from "./site";

interface Meter { id: string; connection: string; profile: string; state: string; last_ms: number | null; lag_s: number | null; effective_period_s: number | null; due: number; answered: number; failed: Record<string, number>; power: number | null; power_unit: string }
interface Verdict { meter: string; at_ms: number; from_ms: number; verdict: string; amount: number | null; bound: number | null }
interface Health { coverage: number | null; estimated: number | null; connections: { id: string; protocol: string; endpoint: string; state: string; reconnects: number; last_error: string | null }[]; meters: Meter[]; verdicts: Verdict[]; gaps: Verdict[]; journal: { frames: number; bytes: number; behind_s: number } }
const RANK: Record<string, number> = { silent: 0, late: 1, never: 2, ok: 3 };

export function healthPage(data: Data): Page {
  const root = el("main", "health", el("p", "", "…"));
  const zone = data.site.timezone;
  const load = async (): Promise<void> => {
    const h = await get<Health>("/api/v1/health").catch(() => null);
    if (h) root.replaceChildren(...content(h));
  };
  const cell = (v: string, cls = "") => el("td", cls, v);
  const table = (title: string, head: string[], rows: HTMLElement[]) => el("section", "card", el("h2", "", title), rows.length ? el("div", "tablebox", el("table", "grid", el("thead", "", el("tr", "", ...head.map((x) => el("th", "", x)))), el("tbody", "", ...rows))) : el("p", "small", t("none")));
  function content(h: Health): HTMLElement[] {
    const meters = [...h.meters].sort((a, b) => RANK[a.state]! - RANK[b.state]! || a.id.localeCompare(b.id));
    const odd = (v: Verdict) => el("tr", "", cell(v.meter), cell(v.verdict), cell(clock(v.at_ms, zone, true)), cell(num(v.amount), "n"), cell(num(v.bound), "n"));
    return [
      el("h1", "", t("health")),
      el("p", "", `${t("coverage")} ${num(h.coverage)} % · ${t("estimated")} ${num(h.estimated)} % · ${t("journal")} ${num(h.journal.frames, 9)}, ${num(h.journal.behind_s)} s ${t("behind")}`),
      table(t("connection"), ["", "", t("state"), "↻", ""], h.connections.map((c) => el("tr", c.state, cell(c.id), cell(c.endpoint), cell(c.state), cell(String(c.reconnects), "n"), cell(c.state === "up" ? "" : (c.last_error ?? ""))))),
      table(t("verdicts"), [t("meter"), "", "", "", "±"], h.verdicts.map(odd)),
      table(t("gaps"), [t("meter"), "", "", "", "±"], h.gaps.map(odd)),
      table(t("meters"), [t("meter"), t("connection"), t("state"), t("lag"), t("period"), t("value"), t("answered"), t("failed")], meters.map((m) => el("tr", m.state, cell(m.id), cell(`${m.connection} · ${m.profile}`), cell(m.state), cell(`${num(m.lag_s, 2)} s`, "n"), cell(`${num(m.effective_period_s, 2)} s`, "n"), cell(`${num(m.power)} ${m.power_unit}`, "n"), cell(`${m.answered}/${m.due}`, "n"), cell(Object.entries(m.failed).map(([k, v]) => `${k} ${v}`).join(", "))))),
    ];
  }
  void load();
  const timer = setInterval(() => void load(), 5000);
  return { root, update: () => undefined, stop: () => clearInterval(timer) };
}
