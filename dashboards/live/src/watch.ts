// Open alerts, asked for every ten seconds while somebody looks.
import type { Alert, Alerts } from "./types";

const EVERY_MS = 10_000;
const FRESH_MS = 1000;
const NOT_FOUND = 404;

export class Watch {
  there = true; // whether this plant has rules at all
  list: Alerts | null = null;
  failing = false;
  private heardAt = -FRESH_MS;
  private asked = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  constructor(private listener: () => void) {}

  async start(): Promise<void> {
    await this.load();
    document.addEventListener("visibilitychange", () => this.run());
    this.run();
  }
  private run(): void {
    clearInterval(this.timer);
    if (document.hidden || !this.there) return;
    void this.fresh();
    this.timer = setInterval(() => void this.load(), EVERY_MS);
  }
  fresh(): Promise<void> {
    return this.there && performance.now() - this.heardAt >= FRESH_MS ? this.load() : Promise.resolve();
  }
  async load(): Promise<void> {
    const turn = ++this.asked;
    const answer = await fetch("/api/v1/alerts").catch(() => null);
    const list = answer?.ok ? ((await answer.json()) as Alerts) : null;
    if (turn !== this.asked) return; // a later question is on its way
    this.heardAt = performance.now();
    this.there = answer?.status !== NOT_FOUND;
    this.failing = !list;
    if (!this.there) clearInterval(this.timer);
    if (list || !this.there) this.list = list;
    this.listener();
  }
  find(id: string): Alert | undefined {
    return [...(this.list?.open ?? []), ...(this.list?.chattering ?? [])].find((a) => a.id === id);
  }
}
