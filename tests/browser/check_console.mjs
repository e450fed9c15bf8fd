// Opens a report as the console of Kubeflow Pipelines does: in a sandboxed frame without an address. See README.md here.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");

const [report, picture] = process.argv.slice(2);
const problems = [];
const check = (holds, claim) => {
  console.log(`${holds ? "ok    " : "FAILED"} ${claim}`);
  if (!holds) problems.push(claim);
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
const requests = [];
const complaints = [];
page.on("request", (request) => requests.push(request.url()));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));

await page.setContent("<!doctype html><body style='margin:0'></body>");
await page.evaluate((html) => {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.srcdoc = html;
  frame.style = "border: 0; width: 100vw; height: 100vh";
  document.body.append(frame);
}, readFileSync(report, "utf-8"));
const frame = await (await page.waitForSelector("iframe")).contentFrame();
await frame.waitForSelector("#sweeps svg");

const title = await frame.textContent("h1");
check(/^(Learning rate|No learning rate)/.test(title), `the frame shows the headline: ${title}`);
const lines = await frame.locator("#sweeps svg path").count();
check(lines > 0, `the scripts of the page drew the curves: ${lines} paths`);
const box = await (await frame.$("#sweeps svg")).boundingBox();
await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5);
await page.waitForTimeout(200);
const values = await frame.evaluate(() => [...document.querySelectorAll("#sweeps svg tspan")].map((node) => node.textContent).join(" "));
check(/learning rate .*loss /.test(values), `hover shows values: ${values}`);
const outside = requests.filter((made) => !made.startsWith("data:") && !made.startsWith("about:"));
check(outside.length === 0, `the page makes no request: ${outside.join(" ")}`);
check(complaints.length === 0, `no error and no blocked script: ${complaints.join("; ")}`);
check((await frame.evaluate(() => globalThis.origin)) === "null", "the page cannot reach the console: its origin is null");
if (picture) await page.screenshot({ path: picture });

await browser.close();
console.log(problems.length ? `${problems.length} FAILED` : "all hold");
process.exit(problems.length ? 1 : 0);
