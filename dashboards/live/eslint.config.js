// What the compiler does not say: unused and unawaited things, and lines that nobody can read.
import js from "@eslint/js";
import typescript from "typescript-eslint";

const LONGEST_LINE = {
  code: 100,
  ignoreStrings: true,
  ignoreTemplateLiterals: true,
  ignoreComments: true,
  ignoreUrls: true,
};

export default typescript.config(
  { ignores: ["dist", "node_modules", "src/types.ts", "src/constants.ts"] },
  js.configs.recommended,
  typescript.configs.recommended,
  {
    rules: {
      "max-len": ["error", LONGEST_LINE],
      "max-params": ["error", { max: 5 }],
      "no-sequences": "error",
      "no-nested-ternary": "off",
      "one-var": ["error", "never"],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "prefer-const": "error",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-explicit-any": "error",
    },
  },
);
