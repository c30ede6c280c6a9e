// What is said of a line on its card and on its page alike.
import type { Data } from "../live/data";
import type { Figures, LineNow } from "../types";
import { clock, moment, num } from "../words/numbers";
import { codeWord, say } from "../words/say";
import { COVERED } from "../constants";
import { GUESSED_PERCENT, type Shown } from "./figure";

// Why nothing is known of a line now; empty while its meters are heard.
export function unknownText(now: LineNow, zone: string): string {
  if (now.unknown === "never") return say("neverHeard");
  if (now.stale_since_ms === null) return now.unknown ? say("notKnown") : "";
  return say("stale", { t: clock(now.stale_since_ms, zone) });
}

// Why the books know nothing of a line; empty where they know something.
function bookedUnknownText({ books }: Data, line: string): string {
  const heard = books?.unknown[line];
  if (!heard) return "";
  return heard === "never" ? say("neverHeard") : codeWord("state", heard);
}

// Carbon per good unit of the shift, which is a figure of the books.
export function goodShown(data: Data, line: string, outputUnit: string): Shown {
  const books: Figures | undefined = data.books?.lines[line];
  const value = books?.["per_good.carbon"] ?? null;
  const coverage = books?.["coverage.time"] ?? null;
  const isGuessed = value !== null && (books?.estimated ?? 0) > GUESSED_PERCENT;
  const isLow = coverage !== null && coverage < COVERED;
  const low = isLow ? say("lowCoverage", { v: num(coverage) }) : "";
  const notes = [bookedUnknownText(data, line), low, lateText(data)];
  return {
    value: (isGuessed ? "~" : "") + num(value),
    unit: outputUnit ? `kg/${outputUnit}` : "kg",
    note: notes.find((note) => note !== "") ?? "",
    dim: isLow,
  };
}

// Up to when the books speak, while they are behind; else nothing.
export function lateText({ books, booksAreLate, now, site }: Data): string {
  if (!books || !booksAreLate) return "";
  const at = now?.at_ms ?? books.to_ms;
  return say("booksTo", { t: moment(books.to_ms, site.timezone, at) });
}
