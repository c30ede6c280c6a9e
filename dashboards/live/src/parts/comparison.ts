// Two lines that make the same, compared in one figure of the books, as the plant file declares.
import type { Data } from "../live/data";
import type { Comparison } from "../types";
import { num, signed } from "../words/numbers";
import { named, placeName, say } from "../words/say";
import { make } from "./dom";
import { lateText } from "./line_told";
import { outputUnit } from "./plant";

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
    const [first, second] = this.values();
    const late = lateText(this.data);
    const next = JSON.stringify([first, second, late]);
    if (next === this.drawn) return;
    this.drawn = next;
    this.draw(first, second, late);
  }

  private values(): [number | null, number | null] {
    const { id, lines, figure } = this.comparison;
    const { books } = this.data;
    const given = books?.comparisons?.[id];
    if (given) return [given[0] ?? null, given[1] ?? null];
    const ofLine = (line: string): number | null => books?.lines[line]?.[figure] ?? null;
    return [ofLine(lines[0]), ofLine(lines[1])];
  }

  private draw(first: number | null, second: number | null, late: string): void {
    const { site } = this.data;
    const { id, name, lines } = this.comparison;
    const change = first !== null && second ? (100 * (first - second)) / second : null;
    const unit = outputUnit(site, lines[0]);
    const called = { a: placeName(site, lines[0]), b: placeName(site, lines[1]) };
    this.root.replaceChildren(
      make("h2", "", named(name, id)),
      make(
        "div",
        "big",
        make("span", "value", signed(change)),
        make("span", "unit", "%"),
        " ",
        make("span", "badge", say("books")),
      ),
      make("p", "small", `${num(first)} / ${num(second)} ${unit ? `kg/${unit}` : "kg"}`),
      make("p", "small", late || say("compareNote", called)),
    );
  }
}
