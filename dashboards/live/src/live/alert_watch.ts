// Open alerts, asked for every ten seconds while somebody looks.
import type { Alert, Alerts } from "../types";

const EVERY_MS = 10_000;
const FRESH_MS = 1000;
const NOT_FOUND = 404;

export class AlertWatch {
  there = true; // whether this plant has rules at all
  list: Alerts | null = null;
  failing = false;
  private heardAt = -FRESH_MS;
  private asked = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(private changed: () => void) {}

  async start(): Promise<void> {
    await this.load();
    document.addEventListener("visibilitychange", () => this.run());
    this.run();
  }

  fresh(): Promise<void> {
    const isOld = performance.now() - this.heardAt >= FRESH_MS;
    return this.there && isOld ? this.load() : Promise.resolve();
  }

  async load(): Promise<void> {
    this.asked += 1;
    const turn = this.asked;
    const answer = await fetch("/api/v1/alerts").catch(() => null);
    const list = answer?.ok ? ((await answer.json()) as Alerts) : null;
    if (turn !== this.asked) return; // a later question is on its way
    this.heardAt = performance.now();
    this.there = answer?.status !== NOT_FOUND;
    this.failing = !list;
    if (!this.there) clearInterval(this.timer);
    if (list || !this.there) this.list = list;
    this.changed();
  }

  // All that is open, steady or coming and going.
  get open(): Alert[] {
    return this.list ? [...this.list.open, ...this.list.chattering] : [];
  }

  find(id: string): Alert | undefined {
    return this.open.find((alert) => alert.id === id);
  }

  private run(): void {
    clearInterval(this.timer);
    if (document.hidden || !this.there) return;
    void this.fresh();
    this.timer = setInterval(() => void this.load(), EVERY_MS);
  }
}
