// Data health: connections, further stores, meters, verdicts, gaps. What is wrong stands first.
import { get } from "../live/ask";
import type { Data } from "../live/data";
import { keepingPlace, make } from "../parts/dom";
import { figure, type Shown } from "../parts/figure";
import { Row, scrolled } from "../parts/tables";
import type { Connection, FurtherStore, Health, Meter, OddStep, Gap } from "../types";
import { clock, num, whole } from "../words/numbers";
import { codeWord, named, say } from "../words/say";
import type { Word } from "../words/words";
import { NOTHING_TO_DO, type Page } from "./page";

// A step of a counter that is not what it seems, or a silence that is over.
type Unusual = OddStep | Gap;

const EVERY_MS = 5000;
const HEARD = new Set(["heard", "ok"]);
const WORST_FIRST = ["silent", "late", "never"];

export function healthPage(data: Data): Page {
  const zone = data.site.timezone;
  const title = make("h1", "", say("health"));
  const root = make("main", "health", title, make("p", "", "…"));

  async function load(): Promise<void> {
    const health = await get<Health>("/api/v1/health").catch(() => null);
    if (!health) return;
    const parts = [title, tiles(health), ...tables(health, zone)];
    keepingPlace(root, () => root.replaceChildren(...parts));
  }
  void load();
  const timer = setInterval(() => void load(), EVERY_MS);
  return { root, update: NOTHING_TO_DO, stop: () => clearInterval(timer) };
}

function tiles(health: Health): HTMLElement {
  const heard = health.meters.filter((meter) => HEARD.has(meter.state)).length;
  const { behind_s: behind, frames } = health.journal;
  const behindText = `s ${say("behind")}`;
  const soFar = say("todaySoFar");
  return make(
    "section",
    "strip four",
    tile("coverage", "books", { value: num(health.coverage), unit: "%", note: soFar }),
    tile("estimated", "books", { value: num(health.estimated), unit: "%", note: soFar }),
    tile("metersWell", "now", { value: String(heard), unit: `/ ${health.meters.length}` }),
    tile("journal", "now", { value: num(behind, 2), unit: behindText, note: whole(frames) }),
  );
}

function tile(label: Word, badge: Word, shown: Shown): HTMLElement {
  const made = figure({ label: say(label), badge: say(badge) });
  made.show(shown);
  return made.root;
}

function tables(health: Health, zone: string): HTMLElement[] {
  const names = new Map(health.meters.map((meter) => [meter.id, named(meter.name, meter.id)]));
  const step = (one: Unusual): HTMLElement => stepRow(one, names.get(one.meter) ?? one.meter, zone);
  const connections = [...health.connections].sort(
    (one, other) => Number(one.state === "up") - Number(other.state === "up"),
  );
  const meters = [...health.meters].sort(
    (one, other) => meterRank(one) - meterRank(other) || one.id.localeCompare(other.id),
  );
  const found = [
    table("connection", CONNECTION_HEADS, connections.map(connectionRow)),
    table("meters", METER_HEADS, meters.map(meterRow), "tall"),
    table("verdicts", STEP_HEADS, health.verdicts.map(step)),
    table("gaps", STEP_HEADS, health.gaps.map(step)),
  ];
  const stores = table("dataStores", STORE_HEADS, health.stores.map(storeRow));
  if (health.stores.length) found.splice(1, 0, stores);
  return found;
}

function table(title: Word, heads: Word[], rows: HTMLElement[], className = ""): HTMLElement {
  const called = say(title);
  const saidHeads = heads.map((head) => say(head));
  const body = rows.length
    ? scrolled(called, saidHeads, rows, className)
    : make("p", "small", say("none"));
  return make("section", "card", make("h2", "", called), body);
}

const CONNECTION_HEADS: Word[] = ["connection", "address", "state", "reconnects", "reason"];

function connectionRow(connection: Connection): HTMLElement {
  const isUp = connection.state === "up";
  return new Row(connection.state)
    .text(connection.id, connection.endpoint, codeWord("state", connection.state))
    .numbers(String(connection.reconnects))
    .text(isUp ? "" : (connection.last_error ?? "")).root;
}

const STORE_HEADS: Word[] = [
  "dataStore",
  "address",
  "state",
  "queued",
  "letGo",
  "expired",
  "deadLetters",
  "reason",
];

function storeRow(store: FurtherStore): HTMLElement {
  const isWell = store.state === "up" || store.state === "starting";
  const behind = whole(store.behind_frames + store.behind_outputs);
  const lost = whole(store.lost_frames + store.lost_outputs);
  return new Row(isWell ? "" : "down")
    .text(store.id, store.url, codeWord("state", store.state))
    .numbers(behind, lost, whole(store.expired), whole(store.dead_letters))
    .text(isWell ? "" : (store.last_error ?? "")).root;
}

const METER_HEADS: Word[] = [
  "meter",
  "state",
  "value",
  "lag",
  "period",
  "answered",
  "failed",
  "connection",
];

function meterRank({ state }: Meter): number {
  const rank = WORST_FIRST.indexOf(state);
  return rank < 0 ? WORST_FIRST.length : rank;
}

function meterRow(meter: Meter): HTMLElement {
  const power = `${num(meter.power)} ${meter.power_unit}`;
  const answered = `${whole(meter.answered)}/${whole(meter.due)}`;
  const failed = Object.entries(meter.failed).map(
    ([why, times]) => `${codeWord("fail", why)} ${times}`,
  );
  return new Row(meter.state)
    .text(named(meter.name, meter.id), codeWord("state", meter.state))
    .numbers(power, seconds(meter.lag_s), seconds(meter.effective_period_s), answered)
    .text(failed.join(", "), `${meter.connection} · ${meter.profile}`).root;
}

function seconds(length: number | null): string {
  return length === null ? "–" : `${num(length, 2)} s`;
}

const STEP_HEADS: Word[] = ["meter", "verdict", "at", "amount", "bound"];

function stepRow(step: Unusual, meterName: string, zone: string): HTMLElement {
  const unit = "unit" in step ? step.unit : "";
  return new Row()
    .text(meterName, codeWord("verdict", step.verdict), clock(step.at_ms, zone, true))
    .numbers(`${num(step.amount)} ${unit}`, `${num(step.bound)} ${unit}`).root;
}
