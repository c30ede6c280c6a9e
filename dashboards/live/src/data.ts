// What the page knows, and how it hears of more: one snapshot, one stream, series on demand.
import type { Backfill, Books, Live, Now, Series, Site } from "./types";

export const QUIET_MS = 4500;
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
  private stream: EventSource | null = null;
  constructor(private listener: Listener) {}

  async start(): Promise<void> {
    this.site = await get<Site>("/api/v1/site");
    const live = await get<Live>("/api/v1/live");
    [this.now, this.books, this.backfill] = [live.now, live.books, live.backfill];
    this.connect();
    setInterval(() => this.watch(), 500);
  }
  private connect(): void {
    this.stream?.close();
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
  private watch(): void {
    const quiet = performance.now() - this.heardAt;
    if (quiet > QUIET_MS && !this.lost) {
      this.lost = true;
      this.lostSince = this.now?.at_ms ?? Date.now();
      this.listener();
    }
    if (this.lost && this.stream?.readyState === EventSource.CLOSED) this.connect();
  }
}
export async function get<T>(path: string): Promise<T> {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(((await answer.json()) as { error: { message: string } }).error.message);
  return (await answer.json()) as T;
}
export function series(of: string, figures: string, every: string, from = "-24h"): Promise<Series> {
  // The first and last bucket are cut by the edges of the span; only whole ones are drawn.
  return get<Series>(`/api/v1/series?of=${of}&figures=${encodeURIComponent(figures)}&every=${every}&from=${from}`).then((s) => {
    for (const key of Object.keys(s.columns)) s.columns[key] = s.columns[key]!.slice(1, -1);
    return s;
  });
}
