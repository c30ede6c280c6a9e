// A day of quarter hours of one line that grows as the books do: the whole at first, then only what is new.
import type { Series } from "../types";
import { get } from "./ask";

const EVERY_S = 900;
const EVERY_MS = EVERY_S * 1000;
const DAY_MS = 86_400_000;

export class Day {
  series: Series | null = null;
  private busy = false;

  constructor(
    private of: string,
    private figures: string,
  ) {}

  // True when there is something new to draw.
  async grow(booksToMs: number | null): Promise<boolean> {
    const endMs = this.endMs();
    const wantedMs = booksToMs === null ? 0 : Math.floor(booksToMs / EVERY_MS) * EVERY_MS;
    if (this.busy || (this.series && wantedMs <= endMs)) return false;
    this.busy = true;
    try {
      if (!this.series || wantedMs - endMs >= DAY_MS) {
        this.series = wholeBuckets(await this.ask("-24h"), booksToMs);
      } else {
        const span = [new Date(endMs), new Date(wantedMs)].map((at) => at.toISOString());
        append(this.series, await this.ask(span[0]!, span[1]!), wantedMs);
      }
      return true;
    } catch {
      return false; // asked again when the books go on
    } finally {
      this.busy = false;
    }
  }

  private endMs(): number {
    const lastStart = this.series?.columns.start_ms!.at(-1) ?? 0;
    return lastStart + EVERY_MS;
  }

  private ask(from: string, to = ""): Promise<Series> {
    const figures = encodeURIComponent(this.figures);
    const until = to && `&to=${to}`;
    return get<Series>(
      `/api/v1/series?of=${this.of}&figures=${figures}&every=15m&from=${from}${until}`,
    );
  }
}

// The first and last bucket are cut by the edges of the span, and the one before may still be open in the books.
// Only whole ones are drawn.
function wholeBuckets(series: Series, booksToMs: number | null): Series {
  const lastWhole = series.columns.start_ms!.at(-2) ?? 0;
  const isOpen = booksToMs !== null && booksToMs >= lastWhole && booksToMs < lastWhole + EVERY_MS;
  for (const [name, column] of Object.entries(series.columns)) {
    series.columns[name] = column.slice(1, isOpen ? -2 : -1);
  }
  return series;
}

function append(series: Series, more: Series, toMs: number): void {
  const held = series.columns.start_ms!.length;
  const fresh = more.columns.start_ms!.length;
  const names = new Set([...Object.keys(series.columns), ...Object.keys(more.columns)]);
  for (const name of names) {
    const column = (series.columns[name] ??= new Array<null>(held).fill(null));
    column.push(...(more.columns[name] ?? new Array<null>(fresh).fill(null)));
  }
  const firstKept = series.columns.start_ms!.findIndex((startMs) => startMs! >= toMs - DAY_MS);
  for (const column of Object.values(series.columns)) column.splice(0, firstKept);
}
