// A picture and the table behind it, with the button between them.
import { make } from "./dom";
import { asRegion } from "./tables";

export interface Section {
  root: HTMLElement;
  host: HTMLElement; // of the picture
  table: HTMLElement;
  turn(): void;
  whenTurned: () => void; // to fill the table only when somebody looks
}

export interface SectionParts {
  title: string;
  toTable: string; // the button while the picture is shown
  toPicture: string;
  className?: string;
}

export function section({ title, toTable, toPicture, className = "chart" }: SectionParts): Section {
  const host = make("div", className);
  const table = asRegion(make("div", "tablebox"), title);
  const button = make("button", "toggle", toTable);
  const header = make("header", "", make("h2", "", title), button);
  const root = make("section", "card", header, host, table);
  const shown: Section = { root, host, table, turn, whenTurned: () => undefined };
  table.hidden = true;
  button.addEventListener("click", turn);

  function turn(): void {
    table.hidden = !table.hidden;
    host.hidden = !table.hidden;
    button.textContent = table.hidden ? toTable : toPicture;
    shown.whenTurned();
  }
  return shown;
}
