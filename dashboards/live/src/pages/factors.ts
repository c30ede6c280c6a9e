// Factors and contracts: what each source counts with, where that number is from, and what was claimed by contract.
import { get } from "../live/ask";
import type { Data } from "../live/data";
import { make } from "../parts/dom";
import { Row, scrolled } from "../parts/tables";
import type { Factor, SourceFactors } from "../types";
import { num } from "../words/numbers";
import { codeWord, say, sourceName } from "../words/say";
import { NOTHING_TO_DO, type Page } from "./page";

export function factorsPage(data: Data): Page {
  const title = make("h1", "", say("factors"));
  const root = make("main", "factors", title, make("p", "", "…"));
  get<SourceFactors[]>("/api/v1/factors").then(
    (rows) => root.replaceChildren(title, make("section", "card", table(data, rows))),
    (error: Error) => root.replaceChildren(make("p", "", error.message)),
  );
  return { root, update: NOTHING_TO_DO, stop: NOTHING_TO_DO };
}

function table(data: Data, rows: SourceFactors[]): HTMLElement {
  const heads = [
    say("source"),
    say("scope"),
    say("byLocation"),
    say("byMarket"),
    say("contract"),
    say("origin"),
  ];
  const lines = rows.map((row) => line(data, row));
  return scrolled(say("factors"), heads, lines, "tall");
}

function line({ site }: Data, row: SourceFactors): HTMLElement {
  const { location, market, contract_share: share } = row;
  const byContract = share === null ? "–" : `${num(100 * share)} %`;
  const isSame = location.source === market.source;
  const from = isSame ? origin(location) : `${origin(location)} / ${origin(market)}`;
  return new Row()
    .text(sourceName(site, row.source), codeWord("scope", row.scope))
    .numbers(amount(location), amount(market), byContract)
    .text(from).root;
}

function amount(factor: Factor): string {
  return `${num(factor.value_kg, 4)} kg ${factor.gas_basis}/${factor.unit}`;
}

function origin(factor: Factor): string {
  const place = [factor.region, factor.year || ""].join(" ").trim();
  return [place, factor.source, factor.fallback].filter(Boolean).join("; ");
}
