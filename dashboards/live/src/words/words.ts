// What a language has to say: a text for each key of the English words. A missing or unknown key fails the build.
import type { en } from "./en";

export type Word = keyof typeof en;
export type Words = Record<Word, string>;
