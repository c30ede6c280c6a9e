// Two lines that make the same, compared in one figure of the books, as the plant file declares.
import type { Data } from "../live/data";
import type { Comparison } from "../types";
import { num, signed } from "../words/numbers";
import { named, placeName, say } from "../words/say";
import { make } from "./dom";
import { lateText } from "./line_told";

interface Pair {
  judged: number | null; // the first line, by the second
  by: number | null;
}

export class ComparisonCard {
  readonly root = make("section", "card sisters");
  private drawn = "";

  constructor(
    private data: Data,
    private comparison: Comparison,
  ) {
    this.update();
  }

  update(): void {
    const pair = this.pair();
    const late = lateText(this.data);
    const next = JSON.stringify([pair, late]);
    if (next === this.drawn) return;
    this.drawn = next;
    this.draw(pair, late);
  }

  private pair(): Pair {
    const given = this.data.books?.comparisons[this.comparison.id] ?? [];
    return { judged: given[0] ?? null, by: given[1] ?? null };
  }

  private draw({ judged, by }: Pair, late: string): void {
    const { site } = this.data;
    const { id, name, lines } = this.comparison;
    const [first = "", second = ""] = lines;
    const change = judged !== null && by ? (100 * (judged - by)) / by : null;
    const value = make("span", "value", signed(change));
    const badge = make("span", "badge", say("books"));
    const called = { a: placeName(site, first), b: placeName(site, second) };
    this.root.replaceChildren(
      make("h2", "", named(name, id)),
      make("div", "big", value, make("span", "unit", "%"), " ", badge),
      make("p", "small", `${num(judged)} / ${num(by)}`),
      make("p", "small", late || say("compareNote", called)),
    );
  }
}
