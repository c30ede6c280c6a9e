// The page as files for the server: scripts, styles, and each of them compressed once, here.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const TEXTS = /\.(js|css|html)$/;
const BEST = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };

// Beside each file lie FILE.br and FILE.gz: the server sends what the browser takes.
function compressed(): Plugin {
  let folder = "";
  return {
    name: "wattline-compressed",
    apply: "build",
    configResolved: (config) => void (folder = config.build.outDir),
    closeBundle: () =>
      filesIn(folder)
        .filter((file) => TEXTS.test(file))
        .forEach(compress),
  };
}

function compress(file: string): void {
  const text = readFileSync(file);
  writeFileSync(`${file}.br`, brotliCompressSync(text, BEST));
  writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }));
}

function filesIn(folder: string): string[] {
  const paths = readdirSync(folder).map((name) => join(folder, name));
  return paths.flatMap((path) => (statSync(path).isDirectory() ? filesIn(path) : [path]));
}

export default defineConfig({
  plugins: [compressed()],
  worker: { format: "es" },
  build: {
    outDir: "dist",
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
});
