// Tables: heads over columns, numbers to the right, long ones in a box that scrolls.
import { make, type Child } from "./dom";

// A head stands over its column: to the right where the cells are numbers.
export function grid(heads: string[], rows: HTMLElement[]): HTMLElement {
  const columnClasses = [...(rows[0]?.children ?? [])].map((cell) => cell.className);
  const headCells = heads.map((head, index) => make("th", columnClasses[index] ?? "", head));
  const head = make("thead", "", make("tr", "", ...headCells));
  return make("table", "grid", head, make("tbody", "", ...rows));
}

// A table that can be scrolled by keyboard.
export function scrolled(
  title: string,
  heads: string[],
  rows: HTMLElement[],
  className = "",
): HTMLElement {
  const box = make("div", `tablebox ${className}`.trim(), grid(heads, rows));
  return asRegion(box, title);
}

export function asRegion(box: HTMLElement, title: string): HTMLElement {
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", title);
  return box;
}

// A row, to which cells are added one after the other.
export class Row {
  readonly root: HTMLTableRowElement;

  constructor(className = "") {
    this.root = make("tr", className);
  }

  text(...cells: Child[]): this {
    this.root.append(...cells.map((cell) => make("td", "", cell)));
    return this;
  }

  numbers(...cells: string[]): this {
    this.root.append(...cells.map((cell) => make("td", "n", cell)));
    return this;
  }
}
