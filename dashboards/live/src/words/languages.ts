// The languages of the page, in the order of their buttons. A new one is a file of words beside this one and an entry here.
import { de } from "./de";
import { en } from "./en";
import type { Words } from "./words";
import { zh } from "./zh";

export interface Language {
  code: string; // as browsers name it
  label: string; // on its button
  words: Words;
}

export const LANGUAGES: readonly Language[] = [
  { code: "en", label: "EN", words: en },
  { code: "zh", label: "中文", words: zh },
  { code: "de", label: "DE", words: de },
];
