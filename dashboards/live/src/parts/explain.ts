// The side panel: a figure taken apart, for exactly the span of the figure that was clicked.
import type { Data } from "../live/data";
import { get } from "../live/ask";
import type { EnergyPart, Explained, Factor, Part } from "../types";
import { clock, moment, num, whole } from "../words/numbers";
import { codeWord, named, say, sourceName } from "../words/say";
import type { Word } from "../words/words";
import { make, withRole } from "./dom";
import { nodeLabel, REMAINDER } from "./flow_names";
import { grid, Row } from "./tables";

// Which clock the figure follows: the instant, the day so far, or the shift so far.
export type Span = "now" | "today" | "shift";

export interface Clicked {
  figure: string;
  of: string; // site, or the id of a line or a group
  title: string;
  span: Span;
}

interface Term {
  word: Word;
  unit: string;
}

interface Formula {
  above: Term; // the line of division
  below?: Term;
}

const ELECTRICITY: Term = { word: "term_electricity", unit: "kWh" };
// Of the site the word means more than what lines used (docs/figures.md).
const SITE_ELECTRICITY: Term = { word: "term_site_electricity", unit: "kWh" };
const FINAL: Term = { word: "term_final", unit: "kWh" };
const CARBON: Term = { word: "term_carbon", unit: "kg" };
const ELECTRIC_CARBON: Term = { word: "term_electric_carbon", unit: "kg" };
const RENEWABLE: Term = { word: "term_renewable", unit: "kWh" };

const FORMULAS: Record<string, Formula> = {
  "power.electricity": { above: ELECTRICITY, below: { word: "term_hours", unit: "h" } },
  "energy.electricity": { above: ELECTRICITY },
  "energy.final": { above: FINAL },
  "intensity.electricity": { above: ELECTRIC_CARBON, below: ELECTRICITY },
  "intensity.final": { above: CARBON, below: FINAL },
  "carbon.total_location": { above: { word: "term_scopes", unit: "kg" } },
  "electrification.calorific": { above: ELECTRICITY, below: FINAL },
  "renewable.physical": { above: RENEWABLE, below: ELECTRICITY },
  "per_good.carbon": { above: CARBON, below: { word: "term_good", unit: "" } },
};
const OF_SITE: Record<string, Formula> = {
  "power.electricity": {
    above: SITE_ELECTRICITY,
    below: { word: "term_hours", unit: "h" },
  },
  "energy.electricity": { above: SITE_ELECTRICITY },
};
const LEAST_KWH = 0.0005; // less than this is rounding, not a source

let openPanel: HTMLElement | null = null;
let openedFrom: HTMLElement | null = null;

addEventListener("keydown", (event) => {
  if (event.key === "Escape") closePanel();
});

export function closePanel(): void {
  if (!openPanel) return;
  openPanel.remove();
  openPanel = null;
  openedFrom?.focus();
}

export async function explain(data: Data, clicked: Clicked): Promise<void> {
  const from = openPanel ? openedFrom : (document.activeElement as HTMLElement | null);
  closePanel();
  openedFrom = from;

  const close = make("button", "close", say("close"));
  close.addEventListener("click", closePanel);
  const header = make("header", "", make("h2", "", clicked.title), close);
  const body = make("div", "panel-body", "…");
  const panel = withRole(make("aside", "panel", header, body), "dialog");
  panel.setAttribute("aria-label", `${say("explain")}: ${clicked.title}`);
  document.body.append(panel);
  openPanel = panel;
  close.focus();

  try {
    const explained = await get<Explained>(address(data, clicked));
    body.replaceChildren(...content(data, explained, clicked.span));
  } catch (error) {
    body.textContent = error instanceof Error ? error.message : String(error);
  }
}

function address(data: Data, { figure, of, span }: Clicked): string {
  const when = span === "now" ? { at: "now" } : times(data, span);
  const question = new URLSearchParams({ figure, of, ...when });
  return `/api/v1/explain?${question.toString()}`;
}

// The span of the books that are shown, so that the panel says what the tile says.
function times({ books }: Data, span: Span): Record<string, string> {
  if (!books) return { from: "today", to: "now" };
  const fromMs = span === "shift" ? books.shift.from_ms : books.today.from_ms;
  if (fromMs === undefined || fromMs >= books.to_ms) return { from: "today", to: "now" };
  return { from: new Date(fromMs).toISOString(), to: new Date(books.to_ms).toISOString() };
}

function amount(value: number | null, unit: string): string {
  const isLarge = value !== null && Math.abs(value) >= 1000;
  return `${isLarge ? whole(value) : num(value)} ${unit}`.trim();
}

function content(data: Data, explained: Explained, span: Span): HTMLElement[] {
  const { site } = data;
  const parts = explained.parts.filter((part) => Math.abs(part.amount) > LEAST_KWH);
  const called = (source: string): string => sourceName(site, source);
  const meterNames = explained.meters.map((id) => meterName(data, id)).join(", ");
  const readings = make("a", "", say("readings"));
  readings.href = explained.readings;
  return [
    make(
      "p",
      "answer",
      `${amount(explained.value, explained.unit)} `,
      make("span", "small", spanText(data, explained, span)),
    ),
    make("h3", "", say("formula")),
    ...formulaLines(explained, span),
    ...contributionTable(data, explained, span),
    ...sourceTable(parts, called),
    make("p", "", shares(explained)),
    make("h3", "", say("meters")),
    make("p", "small", meterNames),
    readings,
  ];
}

// Of when the figure is: the instant, or the span of the books.
function spanText(data: Data, explained: Explained, span: Span): string {
  const { books, now, site, booksAreOfToday } = data;
  const zone = site.timezone;
  if (span === "now") return say("instant", { t: clock(explained.to_ms, zone, true) });
  if (!books || (span === "today" && booksAreOfToday)) return say("todaySoFar");
  const fromMs = span === "shift" ? books.shift.from_ms : books.today.from_ms;
  return `${moment(fromMs, zone, now?.at_ms ?? books.to_ms)} – ${clock(books.to_ms, zone)}`;
}

// What an energy is made of: carriers, sources, lines, converters; what leaves is negative.
// The largest come first, so that what makes the figure is seen at once.
function contributionTable(
  data: Data,
  { contributions, unit }: Explained,
  span: Span,
): HTMLElement[] {
  const size = ({ value }: EnergyPart): number => Math.abs(value ?? 0);
  const some = contributions.filter((part) => part.value === null || size(part) > LEAST_KWH);
  if (some.length === 0) return [];
  some.sort((one, other) => size(other) - size(one));
  const rows = some.map(
    (part) => new Row().text(contributionName(data, part)).numbers(amount(part.value, unit)).root,
  );
  const table = grid([say("what"), say(span === "now" ? "power" : "energy")], rows);
  return [make("div", "tablebox", table)];
}

function contributionName({ site }: Data, { kind, of }: EnergyPart): string {
  if (kind === "source") return sourceName(site, of);
  if (kind === "carrier") return codeWord("carrier", of);
  return nodeLabel(site, kind === "bus" ? `${REMAINDER}:${of}` : `${kind}:${of}`);
}

function sourceTable(parts: Part[], called: (source: string) => string): HTMLElement[] {
  if (parts.length === 0) return [];
  const heads = [say("source"), say("energy"), say("factor"), say("carbon")];
  const rows = parts.map((part) => partRow(part, called));
  const factors = new Map(parts.map((part) => [part.source, part.factor]));
  const factorLines = [...factors].map(([source, factor]) =>
    make("li", "", `${called(source)}: ${factorText(factor)}`),
  );
  return [
    make("div", "tablebox", grid(heads, rows)),
    make("h3", "", say("factor")),
    make("ul", "", ...factorLines),
  ];
}

export function meterName({ site }: Data, id: string): string {
  return named(site.meters.find((meter) => meter.id === id)?.name, id);
}

function partRow(part: Part, called: (source: string) => string): HTMLElement {
  const source = called(part.source);
  const way = part.via ? `${called(part.via)} ← ${source}` : source;
  const factor = `${num(part.factor.value_kg)} kg/${part.factor.unit}`;
  const row = new Row().text(way);
  return row.numbers(amount(part.amount, part.unit), factor, amount(part.kg, "kg")).root;
}

function factorText(factor: Factor): string {
  const value = `${num(factor.value_kg, 4)} kg ${factor.gas_basis}/${factor.unit}`;
  const origin = [factor.region, factor.year || ""].join(" ").trim();
  const source = `${factor.source} (${factor.status})`;
  const said = [value, origin, source].filter(Boolean).join(", ");
  return factor.fallback ? `${said}; ${factor.fallback}` : said;
}

function shares({ coverage, estimated }: Explained): string {
  const covered = `${say("coverage")} ${num(coverage)} %`;
  if (estimated === null) return covered;
  const measured = `${say("measured")} ${num(100 - estimated)} %`;
  return [covered, measured, `${say("estimated")} ${num(estimated)} %`].join(" · ");
}

// An instant has powers where a span has energies.
const UNITS_OF_NOW: Record<string, string> = { kWh: "kW", kg: "kg/h" };

function formulaLines(explained: Explained, span: Span): HTMLElement[] {
  const { figure, of, numerator, denominator } = explained;
  const formula = (of === "site" ? OF_SITE[figure] : undefined) ?? FORMULAS[figure];
  if (!formula) {
    const divided = denominator ? ` ÷ ${num(denominator.value)}` : "";
    return [make("p", "", `${figure} = ${num(numerator.value)}${divided}`)];
  }
  const counted = ({ unit }: Term, value: number | null): string =>
    amount(value, span === "now" ? (UNITS_OF_NOW[unit] ?? unit) : unit);
  const { above, below } = formula;
  const top = counted(above, numerator.value);
  if (!below || !denominator) {
    return [make("p", "said", say(above.word)), make("p", "small", `= ${top}`)];
  }
  const said = `${say(above.word)} ÷ ${say(below.word)}`;
  const under = counted(below, denominator.value);
  return [make("p", "said", said), make("p", "small", `= ${top} ÷ ${under}`)];
}
