// Banners over every page: the stream is lost, or history is being filled.
import type { Data } from "../live/data";
import { clock, num } from "../words/numbers";
import { say } from "../words/say";
import { make, setText, withRole } from "./dom";

const DAY_MS = 86_400_000;

export class Banners {
  readonly lost = withRole(make("div", "banner lost"), "status");
  readonly filling: HTMLElement;
  private readonly said = make("span");
  private readonly progress = make("progress");

  constructor() {
    this.filling = make("div", "banner fill", this.said, this.progress);
    this.lost.hidden = true;
    this.filling.hidden = true;
  }

  update({ lost, lostSince, site, backfill }: Data): void {
    this.lost.hidden = !lost;
    document.documentElement.classList.toggle("islost", lost);
    if (lost) setText(this.lost, say("lost", { t: clock(lostSince, site.timezone, true) }));
    this.filling.hidden = !backfill;
    if (!backfill) return;
    const percent = (100 * backfill.done) / backfill.total;
    const days = (backfill.to_ms - backfill.from_ms) / DAY_MS;
    setText(this.said, say("backfill", { p: num(percent, 2), d: num(days, 2) }));
    this.progress.max = backfill.total;
    this.progress.value = backfill.done;
  }
}
