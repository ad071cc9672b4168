/**
 * Bundles the scripts of `static/js` with rolldown: `node messenger/assets/bundle-scripts.js FOLDER`.
 *
 * Writes the bundles into FOLDER, and `bundles.json` with what messenger/assets/bundles.py needs to know of them. A bundle
 * that contains an entry script, or a script that is imported dynamically, has the name of this script. So paths relative
 * to it stay right, and `{% static %}` finds it by the same name. Bundles of modules that several of these share are in
 * `js/shared`. Each module is in exactly one bundle, so its state exists once.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { rolldown } from "rolldown";

const ROOT = path.resolve(import.meta.dirname, "../..");
const STATIC = path.join(ROOT, "static");
const ENTRY_TAG = /<script type="module" src="\{% static "([^"]+\.js)" %\}">/g;
const WORKER_URL = /import\.meta\.resolve\("(\.{1,2}\/[^"]+\.js)"\)/g;

/** Returns the path below `static/`, with slashes. @param {string} file */
const toName = (file) => path.relative(STATIC, file).replaceAll(path.sep, "/");

/** Returns all files below a folder whose name has this ending. @param {string} folder @param {string} ending */
async function listFiles(folder, ending) {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.endsWith(ending)).sort().map((name) => path.join(folder, name));
}

/** Returns the scripts that templates load, as paths below `static/`. */
async function listEntries() {
  const entries = new Set();
  for (const file of await listFiles(path.join(ROOT, "templates"), ".html")) {
    for (const [, name] of (await readFile(file, "utf8")).matchAll(ENTRY_TAG)) entries.add(name);
  }
  return [...entries].sort();
}

/** Returns the scripts that modules start as web workers, as paths below `static/`. */
async function listWorkers() {
  const workers = new Set();
  for (const file of await listFiles(path.join(STATIC, "js"), ".js")) {
    for (const [, url] of (await readFile(file, "utf8")).matchAll(WORKER_URL)) {
      workers.add(toName(path.resolve(path.dirname(file), url)));
    }
  }
  return [...workers].sort();
}

/** Returns the licences of the modules of third parties in a bundle, as comments. @param {string[]} modules */
async function readLicences(modules) {
  const folders = new Set(modules.filter((name) => name.startsWith("vendor/")).map((name) => path.dirname(name)));
  const texts = [...folders].sort().map(async (folder) => {
    const file = (await readdir(path.join(STATIC, folder))).find((name) => /^LICEN[CS]E/.test(name));
    if (!file) throw new Error(`static/${folder} has no licence.`);
    return `/*! ${folder}\n${(await readFile(path.join(STATIC, folder, file), "utf8")).trim().replaceAll("*/", "* /")}\n*/\n`;
  });
  return (await Promise.all(texts)).join("");
}

/**
 * Bundles these scripts and what they import.
 * @param {string[]} names of the scripts, as paths below `static/`
 */
async function bundle(names) {
  const build = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, path.join(STATIC, name)])),
    cwd: STATIC,
    onwarn(warning) {
      throw new Error(warning.message);
    },
  });
  const { output } = await build.generate({
    format: "es",
    minify: true,
    entryFileNames: "[name]",
    chunkFileNames: ({ facadeModuleId }) => (facadeModuleId ? toName(facadeModuleId) : "js/shared/[name].js"),
  });
  await build.close();
  return output.map((chunk) => {
    if (chunk.type !== "chunk") throw new Error(`${chunk.fileName} is no script.`);
    const modules = chunk.moduleIds.filter((id) => !id.startsWith("\0")).map(toName); // others are helpers of rolldown
    return { name: chunk.fileName, code: chunk.code, imports: chunk.imports, modules };
  });
}

/** Throws if a module is in two bundles. @param {{name: string, modules: string[]}[]} bundles */
function checkModules(bundles) {
  const bundleOf = new Map();
  for (const { name, modules } of bundles) {
    for (const module of modules) {
      if (bundleOf.has(module)) throw new Error(`${module} is in ${bundleOf.get(module)} and in ${name}.`);
      bundleOf.set(module, name);
    }
  }
}

async function main() {
  const folder = process.argv[2];
  if (!folder) throw new Error("usage: bundle-scripts.js FOLDER");
  const bundles = await bundle(await listEntries());
  checkModules(bundles);
  // A worker is a program of its own: it shares no state with the page, and no import map applies to it.
  for (const worker of await listWorkers()) bundles.push(...(await bundle([worker])));
  await rm(folder, { recursive: true, force: true });
  /** @type {Record<string, string>} */
  const sources = {};
  for (const { name, code, modules } of bundles) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, (await readLicences(modules)) + code);
    for (const module of modules) {
      sources[module] = createHash("sha256").update(await readFile(path.join(STATIC, module))).digest("hex");
    }
  }
  const described = Object.fromEntries(bundles.map(({ name, imports, modules }) => [name, { imports, modules }]));
  await writeFile(path.join(folder, "bundles.json"), JSON.stringify({ bundles: described, sources }));
}

await main();
