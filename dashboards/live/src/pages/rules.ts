// The Rules page: what is looked for and why, which rules make the most noise, and how people are told.
import { get } from "../live/ask";
import type { Data } from "../live/data";
import { testMessage } from "../parts/acts";
import { bySeverity, severityMark } from "../parts/alert_told";
import { anchor, make, renewing } from "../parts/dom";
import { condition } from "../parts/rule_told";
import { Row, scrolled } from "../parts/tables";
import type { Channel, Noisiest, Noisy, Rule } from "../types";
import { lasting, num, whole } from "../words/numbers";
import { named, say } from "../words/say";
import type { Page } from "./page";

const WEEK_HOURS = 168;
const MINUTE_MS = 60_000;

export function rulesPage(data: Data): Page {
  const noise = make("section", "card");
  const channels = make("section", "card");
  const rules = make("section", "cards rules");
  const renewNoise = renewing(noise);
  const renewChannels = renewing(channels);
  const renewRules = renewing(rules);
  const title = make("h1", "", say("rules"));
  const root = make("main", "rulespage", title, noise, channels, rules);
  let live = true;
  let loadedAt = 0;
  void load();

  async function load(): Promise<void> {
    loadedAt = performance.now();
    try {
      const [all, noisiest, notify] = await Promise.all([
        get<Rule[]>("/api/v1/rules"),
        get<Noisiest>("/api/v1/rules/noisiest"),
        get<{ channels: Channel[] }>("/api/v1/notify"),
      ]);
      if (!live) return;
      renewNoise(noisiest, () => noiseTable(noisiest));
      channels.hidden = notify.channels.length === 0;
      renewChannels(notify.channels, () => channelTable(notify.channels));
      renewRules(all, () => [...all].sort(bySeverity).map(ruleCard));
    } catch (error) {
      const wrong = make("p", "stale", (error as Error).message);
      if (live) renewNoise([], () => [wrong]);
    }
  }

  // Asked anew each minute while somebody looks.
  function update(): void {
    const isOld = performance.now() - loadedAt > MINUTE_MS;
    if (!document.hidden && isOld && data.alerts.there) void load();
  }
  return { root, update, stop: () => (live = false) };
}

function noiseTable({ goal_per_hour: goal, per_hour: rate, rules }: Noisiest): HTMLElement[] {
  const isMet = rate <= goal;
  const verdict = say(isMet ? "goalMet" : "goalMissed");
  const rates = say("noiseRate", { v: num(rate), g: whole(goal) });
  const heads = [
    say("rule"),
    say("fired"),
    say("perHour"),
    say("acknowledged"),
    say("noAction"),
    say("lastedFor"),
  ];
  const title = say("noisiest");
  const rows = rules.map(noiseRow);
  return [
    make("h2", "", title),
    make("p", isMet ? "said" : "said stale", `${verdict} ${rates}`),
    make("p", "small", say("goal")),
    rows.length ? scrolled(title, heads, rows) : make("p", "small", say("none")),
  ];
}

function noiseRow(noisy: Noisy): HTMLElement {
  const title = named(noisy.title, noisy.rule);
  const link = anchor(title, `/rules/${noisy.rule}`, "title", `noisy-${noisy.rule}`);
  const perHour = num(noisy.fired / WEEK_HOURS);
  const length = lasting(noisy.minutes_firing * MINUTE_MS);
  return new Row()
    .text(link)
    .numbers(whole(noisy.fired), perHour, whole(noisy.acknowledged), whole(noisy.no_action), length)
    .root;
}

function channelTable(channels: Channel[]): HTMLElement[] {
  const title = say("channels");
  const heads = [say("channel"), say("state"), say("messagesSent"), ""];
  return [make("h2", "", title), scrolled(title, heads, channels.map(channelRow))];
}

function channelRow(channel: Channel): HTMLElement {
  const state = channel.ok ? say("takes") : make("span", "stale", channel.error ?? say("takesNot"));
  return new Row()
    .text(`${channel.id} (${channel.kind})`, state)
    .numbers(whole(channel.sent))
    .text(testMessage(channel.id)).root;
}

function ruleCard(rule: Rule): HTMLElement {
  const heading = make("h2", "", named(rule.title, rule.id));
  const header = make("header", "", heading, severityMark(rule.severity));
  const links = [anchor(say("backtest"), `/rules/${rule.id}`, "chip", `try-${rule.id}`)];
  if (rule.open) {
    const count = say("openCount", { n: rule.open });
    links.push(anchor(count, "/alerts", "chip", `open-${rule.id}`));
  }
  return make("section", "card", header, ...condition(rule), make("div", "facts", ...links));
}
