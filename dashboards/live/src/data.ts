// What the page knows, and how it hears of more: one snapshot, one stream, series on demand.
import { Watch } from "./watch";
import type { Backfill, Books, Live, Now, Series, Site } from "./types";

export const QUIET_MS = 4000;
const AGAIN_MS = 5000;
type Listener = () => void;

export class Data {
  site!: Site;
  now: Now | null = null;
  books: Books | null = null;
  backfill: Backfill | null = null;
  heardAt = performance.now();
  lost = false;
  lostSince = 0;
  updates = 0;
  readonly alerts: Watch;
  private stream: EventSource | null = null;
  private triedAt = 0;
  constructor(private listener: Listener) {
    this.alerts = new Watch(listener);
  }

  async start(): Promise<void> {
    this.site = await get<Site>("/api/v1/site");
    const [live] = await Promise.all([get<Live>("/api/v1/live"), this.alerts.start()]);
    [this.now, this.books, this.backfill] = [live.now, live.books, live.backfill];
    this.connect();
    setInterval(() => this.watch(), 250);
  }
  private connect(): void {
    this.stream?.close();
    this.triedAt = performance.now();
    this.stream = new EventSource("/api/v1/live/stream");
    this.stream.addEventListener("now", (e) => this.take(() => (this.now = JSON.parse(e.data) as Now)));
    this.stream.addEventListener("books", (e) => this.take(() => (this.books = JSON.parse(e.data) as Books)));
    this.stream.addEventListener("backfill", (e) => this.take(() => (this.backfill = JSON.parse(e.data) as Backfill | null)));
  }
  private take(change: () => void): void {
    change();
    this.heardAt = performance.now();
    this.lost = false;
    this.updates += 1;
    this.listener();
  }
  // Quiet means lost, except before the first readings. A stream that only looks open is opened anew too.
  private watch(): void {
    const quiet = performance.now() - this.heardAt, open = this.stream?.readyState === EventSource.OPEN;
    if (quiet > QUIET_MS && !this.lost && (this.now || !open)) {
      this.lost = true;
      this.lostSince = this.now?.at_ms ?? Date.now();
      this.listener();
    }
    const wait = this.stream?.readyState === EventSource.CLOSED ? 500 : AGAIN_MS;
    if (this.lost && performance.now() - this.triedAt > wait) this.connect();
  }
}
export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => ask<T>(path, { signal: signal ?? null });
export function send<T>(method: "POST" | "DELETE", path: string, body?: object): Promise<T> {
  return ask<T>(path, { method, headers: { "Content-Type": "application/json" }, body: body ? JSON.stringify(body) : null });
}
async function ask<T>(path: string, how: RequestInit): Promise<T> {
  const answer = await fetch(path, how);
  if (!answer.ok) throw new Error(((await answer.json()) as { error: { message: string } }).error.message);
  return (await answer.json()) as T;
}
const EVERY_S = 900;
const DAY = 86_400_000;

// A day of quarter hours of one line that grows as the books do: the whole at first, then only what is new.
export class Day {
  series: Series | null = null;
  private busy = false;
  constructor(private of: string, private figures: string) {}

  // True when there is something new to draw.
  async grow(toMs: number | null): Promise<boolean> {
    const end = this.end(), last = toMs === null ? 0 : Math.floor(toMs / 1000 / EVERY_S) * EVERY_S * 1000;
    if (this.busy || (this.series && last <= end)) return false;
    this.busy = true;
    try {
      if (!this.series || last - end >= DAY) this.series = whole(await this.ask("-24h"), toMs);
      else append(this.series, await this.ask(new Date(end).toISOString(), new Date(last).toISOString()), last);
      return true;
    } catch {
      return false; // asked again when the books go on
    } finally {
      this.busy = false;
    }
  }
  private end(): number {
    return (this.series?.columns.start_ms!.at(-1) ?? 0) + EVERY_S * 1000;
  }
  private ask(from: string, to = ""): Promise<Series> {
    return get<Series>(`/api/v1/series?of=${this.of}&figures=${encodeURIComponent(this.figures)}&every=15m&from=${from}${to && `&to=${to}`}`);
  }
}
// The first and last bucket are cut by the edges of the span, the one before may still be open in the books; only whole ones are drawn.
function whole(s: Series, toMs: number | null): Series {
  const last = s.columns.start_ms!.at(-2) ?? 0, open = toMs !== null && toMs >= last && toMs < last + EVERY_S * 1000;
  for (const key of Object.keys(s.columns)) s.columns[key] = s.columns[key]!.slice(1, open ? -2 : -1);
  return s;
}
function append(s: Series, more: Series, toMs: number): void {
  const fresh = more.columns.start_ms!.length, held = s.columns.start_ms!.length;
  for (const key of new Set([...Object.keys(s.columns), ...Object.keys(more.columns)])) {
    const column = (s.columns[key] ??= new Array<null>(held).fill(null));
    column.push(...(more.columns[key] ?? new Array<null>(fresh).fill(null)));
  }
  const old = s.columns.start_ms!.findIndex((ms) => ms! >= toMs - DAY);
  for (const column of Object.values(s.columns)) column.splice(0, old);
}
