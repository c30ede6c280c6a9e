// Data health: connections, further stores, meters, verdicts, gaps. What is wrong stands first.
import { get, type Data } from "./data";
import { el, figure, keepingPlace, scrolled } from "./dom";
import { clock, code, num, t, whole } from "./i18n";
import type { Page } from "./site";

interface Meter { id: string; connection: string; profile: string; state: string; last_ms: number | null; lag_s: number | null; effective_period_s: number | null; due: number; answered: number; failed: Record<string, number>; power: number | null; power_unit: string }
interface Verdict { meter: string; at_ms: number; from_ms: number; verdict: string; amount: number | null; bound: number | null; unit?: string }
interface Connection { id: string; protocol: string; endpoint: string; state: string; reconnects: number; last_error: string | null }
interface Store { id: string; url: string; state: string; last_error: string | null; behind_frames: number; behind_outputs: number; expired: number; dead_letters: number; lost_frames: number; lost_outputs: number }
interface Health { coverage: number | null; estimated: number | null; connections: Connection[]; meters: Meter[]; verdicts: Verdict[]; gaps: Verdict[]; stores: Store[]; journal: { frames: number; bytes: number; behind_s: number } }
const RANK: Record<string, number> = { silent: 0, late: 1, never: 2, ok: 3 };
const EVERY_MS = 5000;

export function healthPage(data: Data): Page {
  const root = el("main", "health", el("h1", "", t("health")), el("p", "", "…"));
  const zone = data.site.timezone;
  const load = async (): Promise<void> => {
    const h = await get<Health>("/api/v1/health").catch(() => null);
    if (h) keepingPlace(root, () => root.replaceChildren(...content(h)));
  };
  const cell = (v: string, cls = "") => el("td", cls, v);
  function table(title: string, head: string[], rows: HTMLElement[], cls = ""): HTMLElement {
    return el("section", "card", el("h2", "", title), rows.length ? scrolled(title, head, rows, cls) : el("p", "small", t("none")));
  }
  const odd = (v: Verdict) => el("tr", "", cell(v.meter), cell(code("verdict", v.verdict)), cell(clock(v.at_ms, zone, true)), cell(`${num(v.amount)} ${v.unit ?? ""}`, "n"), cell(`${num(v.bound)} ${v.unit ?? ""}`, "n"));
  const link = (c: Connection) => el("tr", c.state, cell(c.id), cell(c.endpoint), cell(code("state", c.state)), cell(String(c.reconnects), "n"), cell(c.state === "up" ? "" : (c.last_error ?? "")));
  const waits = (s: Store) => s.state === "up" || s.state === "starting";
  const store = (s: Store) => el("tr", waits(s) ? "" : "down", cell(s.id), cell(s.url), cell(code("state", s.state)), cell(whole(s.behind_frames + s.behind_outputs), "n"), cell(whole(s.lost_frames + s.lost_outputs), "n"), cell(whole(s.expired), "n"), cell(whole(s.dead_letters), "n"), cell(waits(s) ? "" : (s.last_error ?? "")));
  const meter = (m: Meter) => el("tr", m.state, cell(m.id), cell(code("state", m.state)), cell(`${num(m.power)} ${m.power_unit}`, "n"), cell(m.lag_s === null ? "–" : `${num(m.lag_s, 2)} s`, "n"), cell(m.effective_period_s === null ? "–" : `${num(m.effective_period_s, 2)} s`, "n"), cell(`${whole(m.answered)}/${whole(m.due)}`, "n"), cell(Object.entries(m.failed).map(([k, v]) => `${code("fail", k)} ${v}`).join(", ")), cell(`${m.connection} · ${m.profile}`));
  function content(h: Health): HTMLElement[] {
    const meters = [...h.meters].sort((a, b) => RANK[a.state]! - RANK[b.state]! || a.id.localeCompare(b.id));
    const odds = [t("meter"), t("verdict"), t("at"), t("amount"), t("bound")];
    return [
      el("h1", "", t("health")),
      el("section", "strip four", ...tiles(h)),
      table(t("connection"), [t("connection"), t("address"), t("state"), t("reconnects"), t("reason")], [...h.connections].sort((a, b) => Number(a.state === "up") - Number(b.state === "up")).map(link)),
      ...(h.stores.length ? [table(t("dataStores"), [t("dataStore"), t("address"), t("state"), t("queued"), t("letGo"), t("expired"), t("deadLetters"), t("reason")], h.stores.map(store))] : []),
      table(t("meters"), [t("meter"), t("state"), t("value"), t("lag"), t("period"), t("answered"), t("failed"), t("connection")], meters.map(meter), "tall"),
      table(t("verdicts"), odds, h.verdicts.map(odd)),
      table(t("gaps"), odds, h.gaps.map(odd)),
    ];
  }
  function tiles(h: Health): HTMLElement[] {
    const well = h.meters.filter((m) => m.state === "ok").length, made = [figure(t("coverage"), t("books"), null), figure(t("estimated"), t("books"), null), figure(t("metersWell"), t("now"), null), figure(t("journal"), t("now"), null)];
    made[0]!.set(num(h.coverage), "%", t("todaySoFar"));
    made[1]!.set(num(h.estimated), "%", t("todaySoFar"));
    made[2]!.set(String(well), `/ ${h.meters.length}`, "");
    made[3]!.set(num(h.journal.behind_s, 2), `s ${t("behind")}`, whole(h.journal.frames));
    return made.map((f) => f.root);
  }
  void load();
  const timer = setInterval(() => void load(), EVERY_MS);
  return { root, update: () => undefined, stop: () => clearInterval(timer) };
}
