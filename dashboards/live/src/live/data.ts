// What the page knows, and how it hears of more: one snapshot, then the stream.
import type { Backfill, Books, Live, Now, Site } from "../types";
import { AlertWatch } from "./alert_watch";
import { get } from "./ask";
import { listen } from "./listening";
import { QUIET_MS, type Message } from "./stream";

const LOOK_MS = 250;
// Windows close a minute and some grace after their begin; a plant in fast motion may need a few seconds of work.
const BOOKS_LATE_MS = 5 * 60_000;
const BOOKS_LATE_WORK_MS = 10_000;
const DAY_MS = 86_400_000;

export class Data {
  site!: Site;
  now: Now | null = null;
  books: Books | null = null;
  backfill: Backfill | null = null;
  lost = false;
  lostSince = 0;
  readonly alerts: AlertWatch;
  private heardAt = performance.now();
  private linked = false;

  constructor(private changed: () => void) {
    this.alerts = new AlertWatch(changed);
  }

  async start(): Promise<void> {
    this.site = await get<Site>("/api/v1/site");
    const [live] = await Promise.all([get<Live>("/api/v1/live"), this.alerts.start()]);
    this.now = live.now;
    this.books = live.books;
    this.backfill = live.backfill;
    listen(
      (message) => this.take(message),
      () => (this.heardAt = performance.now()),
    );
    setInterval(() => this.look(), LOOK_MS);
  }

  // Books that are behind speak of the past: while history is filled, after a pause, while they catch up.
  get booksAreLate(): boolean {
    if (!this.books) return false;
    if (this.backfill || this.books.late) return true;
    if (!this.now) return false;
    const allowed = Math.max(BOOKS_LATE_MS, BOOKS_LATE_WORK_MS * this.now.speed);
    return this.now.at_ms - this.books.to_ms > allowed;
  }

  // Whether the day that the books sum up is still the day of the plant, which may begin at six in the morning.
  get booksAreOfToday(): boolean {
    if (!this.books || !this.now) return true;
    return this.now.at_ms - this.books.today.from_ms < DAY_MS;
  }

  private take({ kind, body }: Message): void {
    if (kind === "link") {
      this.linked = body === "true";
      return;
    }
    if (kind === "now") this.now = JSON.parse(body) as Now;
    else if (kind === "books") this.books = JSON.parse(body) as Books;
    else this.backfill = JSON.parse(body) as Backfill | null;
    this.heardAt = performance.now();
    this.lost = false;
    this.changed();
  }

  // Quiet means lost, but for where nobody looks, and before the first readings from a server that answers.
  private look(): void {
    const isQuiet = performance.now() - this.heardAt > QUIET_MS;
    const mayBeQuiet = document.hidden || (!this.now && this.linked);
    if (!isQuiet || mayBeQuiet || this.lost) return;
    this.lost = true;
    this.lostSince = this.now?.at_ms ?? Date.now();
    this.changed();
  }
}
