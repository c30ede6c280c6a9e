// The Site page: headline strip, flow picture, what needs attention, a card a line.
import type { Data } from "../live/data";
import { ComparisonCard } from "../parts/comparison";
import { FlowPicture } from "../parts/flow_picture";
import { Headline } from "../parts/headline";
import { make } from "../parts/dom";
import { legend } from "../parts/legend";
import { LineCard } from "../parts/line_card";
import { NeedsAttention } from "../parts/needs_attention";
import { outputUnit } from "../parts/plant";
import { named } from "../words/say";
import type { Page } from "./page";

type DayCharts = typeof import("../charts/day");

export function sitePage(data: Data): Page {
  const { site } = data;
  const headline = new Headline(data);
  const flows = new FlowPicture(data);
  const needs = new NeedsAttention(data);
  const alone = site.lines.filter((line) => !line.group);
  const cards = [...alone, ...site.groups].map(({ id, name }) => {
    const parts = { id, title: named(name, id), outputUnit: outputUnit(site, id) };
    return new LineCard(data, parts);
  });
  const comparisons = site.comparisons.map((one) => new ComparisonCard(data, one));

  const middle = make("section", "middle", flows.root, needs.root);
  const cardRoots = [...cards, ...comparisons].map((card) => card.root);
  const below = make("section", "cards", ...cardRoots);
  const root = make("main", "site", headline.root, middle, below, legend(site));

  let live = true;
  let dayCharts: DayCharts | null = null;
  let grownToMs: number | null = -1;
  let wasFilling = false;
  void import("../charts/day").then((charts) => {
    if (!live) return;
    dayCharts = charts;
    growCards();
  });

  function update(): void {
    headline.update();
    flows.update();
    needs.update();
    for (const comparison of comparisons) comparison.update();
    for (const card of cards) card.update(data.now?.lines[card.id]);
    growCards();
  }

  // The days grow with the books, and are asked for from the begin once history has been filled.
  function growCards(): void {
    if (!dayCharts) return;
    const toMs = data.books?.to_ms ?? null;
    const isFilled = wasFilling && !data.backfill;
    if (toMs !== grownToMs || isFilled) void growEach(dayCharts, toMs, isFilled);
    grownToMs = toMs;
    wasFilling = data.backfill !== null;
  }

  async function growEach(charts: DayCharts, toMs: number | null, fromBegin: boolean) {
    for (const card of cards) if (live) await card.grow(charts, toMs, fromBegin);
  }

  function stop(): void {
    live = false;
    flows.stop();
    for (const card of cards) card.stop();
  }
  return { root, update, stop };
}
