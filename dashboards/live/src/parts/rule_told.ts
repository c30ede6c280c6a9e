// A rule in words: its condition as written, and what it means.
import type { Rule } from "../types";
import { lasting } from "../words/numbers";
import { named, say } from "../words/say";
import { make } from "./dom";

export interface Entry {
  name: string;
  is: string | HTMLElement;
}

export function condition(rule: Rule): HTMLElement[] {
  const entries: Entry[] = [{ name: say("when"), is: make("code", "", rule.when) }];
  const add = (name: string, is: string | HTMLElement) => entries.push({ name, is });
  if (rule.until) add(say("untilRule"), make("code", "", rule.until));
  if (rule.for_s) add(say("forAtLeast"), lasting(rule.for_s * 1000));
  if (rule.keep_firing_for_s) add(say("keepFiring"), lasting(rule.keep_firing_for_s * 1000));
  add(say("watched"), make("code", "", rule.figure));
  return [listed(entries), prose(named(rule.why, ""))];
}

// A sentence of a rule; what stands in backticks is to be typed as it is.
export function prose(text: string): HTMLElement {
  const pieces = text.split("`");
  const isCode = (index: number): boolean => index % 2 === 1;
  const nodes = pieces.map((piece, index) => (isCode(index) ? make("code", "", piece) : piece));
  return make("p", "", ...nodes);
}

// Names and what they stand for.
export function listed(entries: Entry[]): HTMLElement {
  const list = make("dl");
  for (const { name, is } of entries) list.append(make("dt", "", name), make("dd", "", is));
  return list;
}
