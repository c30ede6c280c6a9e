// Shapes of the answers of the API, as docs/api.md tells them.
export type Names = Record<string, string>;
export type Figures = Record<string, number | null>;

export interface Named {
  id: string;
  name: Names;
}

export interface Source extends Named {
  kind: string;
}

export interface Line extends Named {
  group: string | null;
  output_unit: string;
  meters: string[];
}

export interface Group extends Named {
  lines: string[];
}

// Two lines in one figure: how much the first is above or below the second.
export interface Comparison extends Named {
  figure: string;
  lines: [string, string];
}

export interface Site extends Named {
  version: string;
  simulated: boolean;
  timezone: string;
  gas_basis: string;
  shifts: Record<string, string>;
  sources: Source[];
  storages: Named[];
  buses: Named[];
  converters: Named[];
  lines: Line[];
  groups: Group[];
  comparisons?: Comparison[];
  meters?: Named[];
}

export interface LineNow {
  state: string;
  state_since_ms: number | null;
  power: Figures;
  final_kw: number | null;
  figures: Figures;
  sources_kw: Record<string, number>;
  stale_since_ms: number | null;
  unknown?: "never" | "silent" | null;
  running?: number;
  members?: number;
}

export interface FlowNode {
  id: string;
  kind: string;
  ref: string;
  kw: number;
  g_per_kwh: number | null;
  known?: boolean;
}

export interface FlowLink {
  from: string;
  to: string;
  kw: number;
  delivered_kw: number;
  g_per_kwh: number | null;
  known?: boolean;
}

export interface Flows {
  nodes: FlowNode[];
  links: FlowLink[];
}

export interface SiteNow {
  power_kw: number | null;
  figures: Figures;
  coverage: number | null;
}

export interface Now {
  at_ms: number;
  speed: number;
  site: SiteNow;
  lines: Record<string, LineNow>;
  remainder_kw: Record<string, number>;
  flows: Flows;
}

export interface AttentionParams {
  seconds?: number;
  minutes?: number;
  kw?: number | null;
  converter?: string;
}

export interface Attention {
  code: string;
  severity: string;
  since_ms: number;
  until_ms: number | null;
  meter: string | null;
  line: string | null;
  params: AttentionParams;
}

export interface Today {
  from_ms: number;
  electricity_kwh: number | null;
  plan_kwh: number | null;
  gas_basis: string;
  coverage: number | null;
  estimated: number | null;
  carbon_kg: Figures;
}

export interface Books {
  to_ms: number;
  late?: boolean;
  shift: { id: string; from_ms: number };
  today: Today;
  last_week: { electricity_pct: number | null };
  lines: Record<string, Figures>;
  comparisons?: Record<string, (number | null)[]>;
  attention: Attention[];
}

export interface Backfill {
  done: number;
  total: number;
  from_ms: number;
  to_ms: number;
}

export interface Live {
  now: Now | null;
  books: Books | null;
  backfill: Backfill | null;
}

export interface Series {
  of: string;
  every_s: number;
  columns: Record<string, (number | null)[]>;
  units: Record<string, string>;
}

export interface Factor {
  value_kg: number | null;
  unit: string;
  source: string;
  year: number;
  region: string;
  gas_basis: string;
  status: string;
  fallback: string;
}

export interface FactorRow {
  source: string;
  scope: string;
  contract_share: number | null;
  location: Factor;
  market: Factor;
}

export interface Part {
  source: string;
  via: string | null;
  amount: number;
  unit: string;
  kg: number;
  factor: Factor;
}

export interface Explained {
  figure: string;
  value: number | null;
  unit: string;
  means?: string;
  from_ms?: number;
  to_ms?: number;
  parts: Part[];
  numerator: { value: number | null };
  denominator: { value: number | null } | null;
  coverage: number | null;
  estimated: number | null;
  meters: string[];
  readings: string;
}

export interface Meter {
  id: string;
  name?: Names;
  connection: string;
  profile: string;
  state: string;
  last_ms: number | null;
  lag_s: number | null;
  effective_period_s: number | null;
  due: number;
  answered: number;
  failed: Record<string, number>;
  power: number | null;
  power_unit: string;
}

// An unusual step of a counter, or a gap.
export interface Step {
  meter: string;
  at_ms: number;
  from_ms: number;
  verdict: string;
  amount: number | null;
  bound: number | null;
  unit?: string;
}

export interface Connection {
  id: string;
  protocol: string;
  endpoint: string;
  state: string;
  reconnects: number;
  last_error: string | null;
}

export interface DataStore {
  id: string;
  url: string;
  state: string;
  last_error: string | null;
  behind_frames: number;
  behind_outputs: number;
  expired: number;
  dead_letters: number;
  lost_frames: number;
  lost_outputs: number;
}

export interface Health {
  coverage: number | null;
  estimated: number | null;
  connections: Connection[];
  meters: Meter[];
  verdicts: Step[];
  gaps: Step[];
  stores: DataStore[];
  journal: { frames: number; bytes: number; behind_s: number };
}

export interface Quiet {
  id: string;
  kind: string;
  by: string;
  reason: string;
  from_ms: number;
  until_ms: number;
  rule: string | null;
  subject: string | null;
  alert: string | null;
}

export interface Member {
  subject: string;
  subject_name: Names;
}

export interface Acknowledged {
  by: string;
  at_ms: number | null;
  note: string;
}

export interface Alert {
  id: string;
  rule: string;
  title: Names;
  per: string;
  subject: string;
  subject_name: Names;
  severity: string;
  state: string;
  since_ms: number;
  fired_ms: number;
  resolved_ms: number | null;
  value: number | null;
  limit: number | null;
  unit: string;
  late: boolean;
  members: Member[];
  say: Names;
  do: Names;
  acknowledged: Acknowledged | null;
  quiet: Quiet | null;
  cause: string | null;
}

export interface Alerts {
  at_ms: number;
  open: Alert[];
  chattering: Alert[];
  past: Alert[];
}

export interface Rule {
  id: string;
  title: Names;
  why: Names;
  do: Names;
  per: string;
  figure: string;
  clock: string;
  severity: string;
  when: string;
  until: string | null;
  for_s: number;
  keep_firing_for_s: number;
  on_gap: string;
  page: string | null;
  open?: number;
}

export interface Watched {
  figure: string;
  unit: string;
  start_ms: number[];
  value: (number | null)[];
  limit: (number | null)[];
  firing: [number, number][];
}

export interface TrailStep {
  at_ms: number;
  actor: string;
  action: string;
  detail: string;
}

export interface OneAlert {
  alert: Alert;
  rule: Rule | null;
  chart: Watched | null;
  neighbours: Alert[];
  trail: TrailStep[];
}

export interface NoisyRule {
  rule: string;
  title: Names;
  fired: number;
  acknowledged: number;
  no_action: number;
  minutes_firing: number;
}

export interface Noisiest {
  goal_per_hour: number;
  per_hour: number;
  rules: NoisyRule[];
}

export interface Channel {
  id: string;
  kind: string;
  ok: boolean;
  error: string | null;
  sent: number;
}

export interface TrialSpan {
  subject: string;
  from_ms: number;
  to_ms: number | null;
  value: number | null;
  limit: number | null;
}

export interface OtherThreshold {
  factor: number;
  fired: number;
  per_week: number;
  seconds: number;
}

export interface Trial {
  rule: string;
  known: string;
  from_ms: number;
  to_ms: number;
  unit: string;
  when: string;
  fired: number;
  per_week: number;
  seconds: number;
  spans: TrialSpan[];
  others: OtherThreshold[];
  chart: Watched & { subject: string };
}
