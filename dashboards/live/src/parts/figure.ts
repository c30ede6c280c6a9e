// A figure as a tile or a cell: label, large number, unit, and a note under it.
import { make, setText } from "./dom";

export interface Shown {
  value: string;
  unit: string;
  note?: string;
  dim?: boolean; // not to be relied on; the note says why
}

export interface Figure {
  root: HTMLElement;
  show(shown: Shown): void;
  rename(label: string): void;
}

export const GUESSED_PERCENT = 1; // a figure with more of its energy estimated carries ~

export interface FigureParts {
  label: string;
  badge: string; // which clock it follows: now, or the books
  explain?: () => void;
  className?: string;
}

// A figure that explains itself is a button, so that keyboard and touch reach it alike.
export function figure({ label, badge, explain, className = "tile" }: FigureParts): Figure {
  const title = make("span", "", label);
  const value = make("span", "value", "–");
  const unit = make("span", "unit");
  const note = make("div", "note");
  const head = make("div", "label", title, make("span", `badge ${badge}`, badge));
  const root = make(explain ? "button" : "div", className, head);
  root.append(make("div", "big", value, unit), note);
  if (explain) root.addEventListener("click", explain);
  return {
    root,
    show(shown) {
      setText(value, shown.value);
      setText(unit, shown.unit);
      setText(note, shown.note ?? "");
      root.classList.toggle("dim", shown.dim ?? false);
    },
    rename: (next) => setText(title, next),
  };
}
