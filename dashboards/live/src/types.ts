// Made by `make regen` from the API's answers (api/answers); do not edit.
export type Names = Record<string, string>;
export type Figures = Record<string, number | null>;
// Somebody has it.
export interface Acknowledge {
  name: string;
  note?: string;
}
// Who has it; when and with which note, as long as the alert is open.
export interface Acknowledged {
  by: string;
  at_ms: number | null;
  note: string;
}
// One occurrence of a rule on a subject.
export interface Alert {
  id: string;
  rule: string;
  title: Record<string, string>;
  per: string;
  subject: string;
  subject_name: Record<string, string>;
  severity: Severity;
  state: AlertState;
  since_ms: number;
  fired_ms: number;
  resolved_ms: number | null;
  value: number | null;
  limit: number | null;
  unit: string;
  late: boolean;
  members: Member[];
  say: Record<string, string>;
  do: Record<string, string>;
  acknowledged: Acknowledged | null;
  quiet: Quiet | null;
  cause: string | null;
}
// States of one rule on one subject.
export type AlertState = "firing" | "inactive" | "no_data" | "pending" | "resolved";
// Open alerts; those that come and go apart; and those of a span that are over.
export interface Alerts {
  at_ms: number;
  open: Alert[];
  chattering: Alert[];
  past: Alert[];
}
// Something that somebody should look at. `until_ms` is None as long as it lasts.
export interface Attention {
  code: string;
  severity: string;
  since_ms: number | null;
  until_ms: number | null;
  meter: string | null;
  line: string | null;
  params: AttentionParams;
}
// The numbers and names of a sentence; each code has its own.
export interface AttentionParams {
  seconds?: number;
  minutes?: number;
  kw?: number | null;
  amount?: number | null;
  bound?: number | null;
  converter?: string;
  host?: string;
  cause?: string;
}
// How far history is filled, in windows.
export interface Backfill {
  done: number;
  total: number;
  from_ms: number;
  to_ms: number;
}
// When a rule would have fired over stored books, as `known` then or now.
export interface Backtest {
  rule: string;
  known: string;
  from_ms: number;
  to_ms: number;
  unit: string;
  when: string;
  fired: number;
  per_week: number;
  seconds: number;
  spans: Firing[];
  others: OtherLevel[];
  chart: TrialChart;
}
// Sums of closed windows up to `to_ms`; `lines` and `comparisons` are those of the shift so
export interface Books {
  to_ms: number;
  late: boolean;
  shift: ShiftNow;
  today: Today;
  last_week: LastWeek;
  lines: Record<string, Record<string, number | null>>;
  unknown: Record<string, Heard>;
  comparisons: Record<string, (number | null)[]>;
  attention: Attention[];
}
// A rail or a net of one carrier.
export interface Bus {
  id: string;
  name: Record<string, string>;
  carrier: string;
  unit: string;
}
// One change of one rule on one subject.
export interface Change {
  at_ms: number;
  clock: string;
  rule: string;
  subject: string;
  state: AlertState;
  value: number | null;
  limit: number | null;
  unit: string;
  late: boolean;
  withdrawn: boolean;
}
// Changes of rules, those that became known last first.
export interface Changes {
  changes: Change[];
}
// A way to tell people, and since when it takes nothing.
export interface Channel {
  id: string;
  kind: string;
  ok: boolean;
  since_ms: number | null;
  error: string;
  sent: number;
  failures: number;
}
// Two lines beside each other in one figure of the books; the first is judged by the second.
export interface Comparison {
  id: string;
  name: Record<string, string>;
  lines: string[];
  figure: string;
}
// One connection to devices; `counts` by kind of event.
export interface Connection {
  id: string;
  protocol: string;
  endpoint: string;
  state: string;
  reconnects: number;
  last_error: string | null;
  counts: Record<string, number>;
}
// What makes one carrier of another: ids of what it takes from and gives to.
export interface Converter {
  id: string;
  name: Record<string, string>;
  from: string[];
  to: string[];
}
// What a converter takes, and since when it takes something and gives nothing.
export interface ConverterNow {
  taken: number | null;
  unloaded_since_ms: number | null;
}
// What one `kind` of thing has in an energy: a carrier, a source, a storage, a line, what is
export interface EnergyPart {
  kind: string;
  of: string;
  value: number | null;
}
// The one shape of every error.
export interface Error {
  error: Problem;
}
// A figure of a span, or of one instant (`from_ms` = `to_ms`), taken apart.
export interface Explained {
  figure: string;
  of: string;
  from_ms: number;
  to_ms: number;
  value: number | null;
  unit: string;
  means: string;
  parts: Part[];
  numerator: Side;
  denominator: Side | null;
  coverage: number | null;
  estimated: number | null;
  meters: string[];
  gas_basis: string;
  readings: string;
  contributions: EnergyPart[];
}
// An emission factor with where it comes from; `fallback` says what was wanted where another
export interface Factor {
  value_kg: number;
  unit: string;
  source: string;
  year: number;
  region: string;
  gas_basis: string;
  status: string;
  fallback: string;
}
// One figure: its unit, and what is divided by what.
export interface FigureMeaning {
  name: string;
  unit: string;
  means: string;
}
// A span in which a rule would have fired; `to_ms` is None where it still does.
export interface Firing {
  subject: string;
  from_ms: number;
  to_ms: number | null;
  value: number | null;
  limit: number | null;
}
// A flow of now: `kw` of source energy, which is conserved, and what is delivered of it.
export interface FlowLink {
  from: string;
  to: string;
  kw: number;
  delivered_kw: number;
  g_per_kwh: number | null;
  known?: boolean;
}
// A place in the flow picture of now; not `known` while its
export interface FlowNode {
  id: string;
  kind: string;
  ref: string;
  kw: number;
  g_per_kwh: number | null;
  known?: boolean;
}
// The flow picture of now.
export interface Flows {
  nodes: FlowNode[];
  links: FlowLink[];
}
// A store beside the embedded one: what it has taken, and what it still waits for.
export interface FurtherStore {
  id: string;
  url: string;
  state: string;
  last_error: string | null;
  behind_frames: number;
  behind_outputs: number;
  points: number;
  expired: number;
  dead_letters: number;
  lost_frames: number;
  lost_outputs: number;
}
// A silence that is over: its energy is known, its course over time was taken from
export interface Gap {
  at_ms: number;
  from_ms: number;
  meter: string;
  verdict: Verdict;
  amount: number | null;
  bound: number | null;
  to_ms: number;
  unit: string;
  shaped_by: string;
}
// Lines that are shown together.
export interface Group {
  id: string;
  name: Record<string, string>;
  lines: string[];
}
// How good the data are; coverage and estimated are percent of today.
export interface Health {
  at_ms: number;
  coverage: number | null;
  estimated: number | null;
  connections: Connection[];
  meters: Meter[];
  verdicts: OddStep[];
  gaps: Gap[];
  journal: Journal;
  stores: FurtherStore[];
}
// It runs, and which version.
export interface Healthy {
  status: "ok";
  version: string;
}
// How a meter stands by the age of what it said last.
export type Heard = "heard" | "late" | "never" | "silent";
// One entry for each statement.
export interface InfluxAnswer {
  results: Statement[];
}
// One table: a row of `values` has an entry for each of `columns`.
export interface InfluxSeries {
  columns: string[];
  values: ((number | string | boolean | null)[])[];
  name?: string;
  tags?: Record<string, string>;
}
// The journal, and up to which frame each consumer has come.
export interface Journal {
  frames: number;
  bytes: number;
  behind_s: number;
  consumers: Record<string, number>;
}
// Against the same hours a week ago; None while books are late, or where that week was booked
export interface LastWeek {
  electricity_pct: number | null;
}
// A production line: its group, carriers, what it counts, and its meters.
export interface Line {
  id: string;
  name: Record<string, string>;
  group: string | null;
  carriers: string[];
  output_unit: string;
  meters: string[];
}
// A line or a group; `power` by carrier in the carrier's own unit an hour.
export interface LineNow {
  state: string;
  state_since_ms: number | null;
  power: Record<string, number | null>;
  final_kw: number | null;
  figures: Record<string, number | null>;
  sources_kw: Record<string, number>;
  stale_since_ms: number | null;
  unknown?: "never" | "silent" | null;
  order?: string | null;
  running?: number;
  members?: number;
}
// The newest of each kind.
export interface Live {
  now: Now | null;
  books: Books | null;
  backfill: Backfill | null;
}
// One of those that an alert stands for.
export interface Member {
  subject: string;
  subject_name: Record<string, string>;
}
// One meter: who reads it, how often it answers, and its newest power in `power_unit`.
export interface Meter {
  id: string;
  name: Record<string, string>;
  connection: string;
  profile: string;
  class_limit: number | null;
  state: Heard;
  last_ms: number | null;
  lag_s: number | null;
  period_s: number | null;
  effective_period_s: number | null;
  answer_s: number | null;
  refused: string[];
  due: number;
  answered: number;
  failed: Record<string, number>;
  skipped: number;
  power: number | null;
  power_unit: string;
  counter_unit: string;
}
// What a meter is called.
export interface MeterName {
  id: string;
  name: Record<string, string>;
}
// Which rules fired most, against the goal.
export interface Noisiest {
  goal_per_hour: number;
  per_hour: number;
  rules: Noisy[];
}
// The same, with the title of the rule.
export interface Noisy {
  rule: string;
  fired: number;
  acknowledged: number;
  no_action: number;
  minutes_firing: number;
  title: Record<string, string>;
}
// How people can be told: messages of the outbox by state, channels, and what fails and why,
export interface Notify {
  outbox: Record<string, number>;
  channels: Channel[];
  failing?: Record<string, string>;
  heartbeats?: number;
}
// What the newest powers say, at event time `at_ms`; `speed` is that of the clock.
export interface Now {
  at_ms: number;
  site: SiteNow;
  lines: Record<string, LineNow>;
  flows: Flows;
  sources: Record<string, number>;
  storages: Record<string, StorageNow>;
  converters: Record<string, ConverterNow>;
  remainder_kw: Record<string, number>;
  speed: number;
}
// An unusual step of a counter, and at most how much it may hide (`bound`).
export interface OddStep {
  at_ms: number;
  from_ms: number;
  meter: string;
  verdict: Verdict;
  amount: number | null;
  bound: number | null;
}
// An alert with its rule, its curve, what fired around the same time, and who did what.
export interface OneAlert {
  alert: Alert;
  rule: Rule | null;
  chart: Watched | null;
  neighbours: Alert[];
  trail: Trail[];
}
// How the rule would have done with its threshold times `factor`.
export interface OtherLevel {
  factor: number;
  fired: number;
  per_week: number;
  seconds: number;
}
// What one source has in a figure.
export interface Part {
  source: string;
  via: string | null;
  amount: number;
  unit: string;
  kg: number;
  value: number;
  factor: Factor;
}
// What is wrong: a word for programs, a sentence for people, and what to do.
export interface Problem {
  code: string;
  message: string;
  hint: string;
}
// A silence, a maintenance window or a shelved alert (`kind`).
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
// There are figures and nothing stands still.
export interface Ready {
  status: "ready";
}
// A rule in force; `open` is how many alerts of it are open, in the list of rules.
export interface Rule {
  id: string;
  title: Record<string, string>;
  why: Record<string, string>;
  do: Record<string, string>;
  per: string;
  figure: string;
  clock: string;
  severity: Severity;
  when: string;
  until: string | null;
  for_s: number;
  keep_firing_for_s: number;
  on_gap: string;
  page: string | null;
  open?: number;
}
// Figures over time, by column; `start_ms` holds the begin of each bucket. `every_s` is None
export interface Series {
  of: string;
  from_ms: number;
  to_ms: number;
  every_s: number | null;
  units: Record<string, string>;
  gas_basis: string;
  columns: Record<string, (number | null)[]>;
}
// How soon somebody should look: at the next round, in this shift, at once.
export type Severity = "critical" | "info" | "warning";
// One alert is put aside for a while.
export interface Shelve {
  name: string;
  reason: string;
  minutes: number;
}
// The shift up to which books are closed.
export interface ShiftNow {
  id: string;
  from_ms: number;
}
// What stands above or below the line of a ratio, before the figure's own scale.
export interface Side {
  value: number | null;
}
// A rule or a subject is kept quiet until a time.
export interface Silence {
  name: string;
  reason: string;
  until: string;
  from?: string;
  rule?: string;
  subject?: string;
}
// What the plant is made of.
export interface Site {
  id: string;
  name: Record<string, string>;
  version: string;
  simulated: boolean;
  timezone: string;
  grid: string;
  method: string;
  window_s: number;
  day_starts: string;
  shifts: Record<string, string>;
  gas_basis: string;
  plan_kwh_per_day: number | null;
  sources: Source[];
  storages: Storage[];
  buses: Bus[];
  converters: Converter[];
  lines: Line[];
  groups: Group[];
  comparisons: Comparison[];
  meters: MeterName[];
}
// The whole site; `coverage` is the share of its meters that are heard (0 to 1).
export interface SiteNow {
  power_kw: number | null;
  figures: Record<string, number | null>;
  coverage: number | null;
}
// Where energy comes into the plant; `unit` is what its carrier is counted in.
export interface Source {
  id: string;
  name: Record<string, string>;
  kind: string;
  carrier: string;
  unit: string;
}
// The factors in force of one source, by location and by market.
export interface SourceFactors {
  source: string;
  scope: string;
  contract_share: number;
  kwh_per_unit: number;
  kgce_per_unit: number;
  location: Factor;
  market: Factor;
}
// Flows from sources to lines over a span.
export interface SpanFlows {
  nodes: SpanNode[];
  links: SpanLink[];
}
// What flowed from a source or a storage to a line in a span.
export interface SpanLink {
  from: string;
  to: string;
  kwh: number;
  g_per_kwh: number;
}
// A place in the flows of a span.
export interface SpanNode {
  id: string;
  kind: string;
  ref: string;
}
// What one statement gave; an error comes here too, since Grafana shows only that.
export interface Statement {
  statement_id: number;
  series?: InfluxSeries[];
  error?: string;
}
// A battery or a tank that feeds a bus.
export interface Storage {
  id: string;
  name: Record<string, string>;
  capacity_kwh: number | null;
}
// A storage: positive while it discharges; what it holds, once books have been closed.
export interface StorageNow {
  power_kw: number;
  held_kwh?: number;
  held_kg?: number;
}
// A test message over one channel.
export interface TestCall {
  name: string;
  channel: string;
}
// What came of a test message.
export interface TestSent {
  sent: boolean;
  detail: string;
}
// Sums of one local day so far, which `date` names; coverage and estimated in percent. No plan
export interface Today {
  from_ms: number;
  date: string;
  electricity_kwh: number | null;
  plan_kwh: number | null;
  gas_basis: string;
  coverage: number | null;
  estimated: number | null;
  carbon_kg: Record<string, number | null>;
}
// Who did what, and when.
export interface Trail {
  at_ms: number;
  actor: string;
  action: string;
  detail: string;
}
// A rule that is not in force yet: the text of a rule file, and which of its rules is meant.
export interface Trial {
  text: string;
  rule: string;
  from?: string;
  to?: string;
  known?: "then" | "now";
  level?: number;
}
// The curve of the subject that fired most.
export interface TrialChart {
  figure: string;
  unit: string;
  start_ms: number[];
  value: (number | null)[];
  limit: (number | null)[];
  firing: [number, number][];
  subject: string;
}
// What one counter step is (design, section 1, rule 2).
export type Verdict = "gap" | "glitch" | "normal" | "reset" | "swap" | "unknown" | "wrap";
// The watched figure around an alert, with the threshold and the spans in which it fired.
export interface Watched {
  figure: string;
  unit: string;
  start_ms: number[];
  value: (number | null)[];
  limit: (number | null)[];
  firing: [number, number][];
}
