// Shapes of docs/api.md.
export type Names = Record<string, string>;
export type Figures = Record<string, number | null>;
export interface Site {
  id: string; name: Names; version: string; simulated: boolean; timezone: string; gas_basis: string; shifts: Record<string, string>;
  sources: { id: string; name: Names; kind: string }[]; storages: { id: string; name: Names }[]; buses: { id: string; name: Names }[]; converters: { id: string; name: Names }[];
  lines: { id: string; name: Names; group: string | null; output_unit: string; meters: string[] }[]; groups: { id: string; name: Names; lines: string[] }[];
}
export interface LineNow { state: string; state_since_ms: number | null; power: Record<string, number>; final_kw: number | null; figures: Figures; sources_kw: Record<string, number>; stale_since_ms: number | null; running?: number; members?: number }
export interface FlowNode { id: string; kind: string; ref: string; kw: number; g_per_kwh: number | null }
export interface FlowLink { from: string; to: string; kw: number; delivered_kw: number; g_per_kwh: number | null }
export interface Now { at_ms: number; speed: number; site: { power_kw: number | null; figures: Figures; coverage: number | null }; lines: Record<string, LineNow>; remainder_kw: Record<string, number>; flows: { nodes: FlowNode[]; links: FlowLink[] } }
export interface Attention { code: string; severity: string; since_ms: number; until_ms: number | null; meter: string | null; line: string | null; params: Record<string, number> & { converter?: string } }
export interface Books {
  to_ms: number; shift: { id: string; from_ms: number }; lines: Record<string, Figures>; last_week: { electricity_pct: number | null }; attention: Attention[];
  today: { electricity_kwh: number | null; plan_kwh: number | null; gas_basis: string; coverage: number | null; estimated: number | null; carbon_kg: Record<string, number | null> };
}
export interface Backfill { done: number; total: number; from_ms: number; to_ms: number }
export interface Series { of: string; every_s: number; columns: Record<string, (number | null)[]>; units: Record<string, string> }
export interface Live { now: Now | null; books: Books | null; backfill: Backfill | null }
export interface Quiet { id: string; kind: string; by: string; reason: string; from_ms: number; until_ms: number; rule: string | null; subject: string | null; alert: string | null }
export interface Alert {
  id: string; rule: string; title: Names; per: string; subject: string; subject_name: Names; severity: string; state: string; since_ms: number; fired_ms: number; resolved_ms: number | null;
  value: number | null; limit: number | null; unit: string; late: boolean; members: { subject: string; subject_name: Names }[]; say: Names; do: Names;
  acknowledged: { by: string; at_ms: number | null; note: string } | null; quiet: Quiet | null; cause: string | null;
}
export interface Alerts { at_ms: number; open: Alert[]; chattering: Alert[]; past: Alert[] }
export interface Rule { id: string; title: Names; why: Names; do: Names; per: string; figure: string; clock: string; severity: string; when: string; until: string | null; for_s: number; keep_firing_for_s: number; on_gap: string; page: string | null; open?: number }
export interface Watched { figure: string; unit: string; start_ms: number[]; value: (number | null)[]; limit: (number | null)[]; firing: [number, number][] }
export interface OneAlert { alert: Alert; rule: Rule | null; chart: Watched | null; neighbours: Alert[]; trail: { at_ms: number; actor: string; action: string; detail: string }[] }
