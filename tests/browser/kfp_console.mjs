// Takes a picture of an LRFinder node in KFP's console, which kfp_console.sh serves. The routes stand for KFP's server.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const [address, picture] = process.argv.slice(2);
const json = readFileSync(process.env.EXECUTOR_OUTPUT, "utf-8");
const report = readFileSync(process.env.LR_FINDER_PAGE, "utf-8");
const { uri } = JSON.parse(json).artifacts.lr_finder_page.artifacts[0];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 1500 } });
page.on("pageerror", (error) => console.log(String(error)));
await page.route("**/lr_finder/executor_output.json", (route) => route.fulfill({ contentType: "application/json", body: json }));
await page.route("**/artifacts/**", (route) => {
  const asked = new URL(route.request().url()).searchParams;
  const found = `${asked.get("source")}://${asked.get("bucket")}/${asked.get("key")}`;
  console.log(`the console reads ${found}`);
  return found === uri ? route.fulfill({ contentType: "text/plain", body: report }) : route.abort();
});
await page.goto(`${address}/lr_finder.html`, { waitUntil: "commit" }); // the first load compiles the packages
const frame = await (await page.waitForSelector("iframe", { timeout: 600000 })).contentFrame();
await frame.waitForSelector("#sweeps svg");
await page.waitForTimeout(1000);
await page.screenshot({ path: picture, fullPage: true });
console.log(`written to ${path.resolve(picture)}: ${await frame.textContent("h1")}`);
await browser.close();
