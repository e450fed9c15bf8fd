// Opens a report in a real browser and checks what a person would check. See README.md here.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core/axe.min.js");

const [report, pictures] = process.argv.slice(2);
const problems = [];
const check = (holds, claim) => {
  console.log(`${holds ? "ok    " : "FAILED"} ${claim}`);
  if (!holds) problems.push(claim);
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
const url = pathToFileURL(path.resolve(report)).href;

async function open(options) {
  const context = await browser.newContext({ bypassCSP: false, ...options });
  const page = await context.newPage();
  const requests = [];
  const complaints = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(url, { waitUntil: "load" });
  await page.waitForSelector("#sweeps svg");
  return { page, context, requests, complaints };
}

// The policy of the page forbids axe, so this context bypasses it.
async function violations(options) {
  const context = await browser.newContext({ ...options, bypassCSP: true });
  const page = await context.newPage();
  await page.goto(url, { waitUntil: "load" });
  await page.waitForSelector("#sweeps svg");
  for (const summary of await page.$$("summary")) await summary.click();
  await page.addScriptTag({ path: axe });
  const found = await page.evaluate(() => globalThis.axe.run());
  await context.close();
  return found;
}

const looks = {
  light: { viewport: { width: 1100, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1100, height: 900 }, colorScheme: "dark" },
  narrow: { viewport: { width: 390, height: 844 }, colorScheme: "light", deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};
for (const [name, options] of Object.entries(looks)) {
  const { page, context, requests, complaints } = await open(options);
  const outside = requests.filter((made) => made !== url && !made.startsWith("data:"));
  check(outside.length === 0, `${name}: the page makes no outside request (${requests.length} requests: itself and its picture)`);
  check(complaints.length === 0, `${name}: no error, no blocked script, no dialog ${complaints.join("; ")}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(overflow <= 0, `${name}: nothing is wider than the screen (${overflow} px)`);
  const small = await page.evaluate(() => [...document.querySelectorAll("svg text, td, th, p")]
    .filter((node) => node.textContent.trim() && parseFloat(getComputedStyle(node).fontSize) < 10).length);
  check(small === 0, `${name}: no text is smaller than 10 px`);
  if (pictures) await page.screenshot({ path: path.join(pictures, `report_${name}.png`), clip: options.isMobile ? undefined : { x: 0, y: 0, ...options.viewport } });
  if (pictures && process.env.WHOLE) await page.screenshot({ path: path.join(pictures, `whole_${name}.png`), fullPage: true });
  await context.close();
  const found = await violations(options);
  for (const item of found.violations) console.log(`       ${item.id}: ${item.help} ${item.nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
  check(found.violations.length === 0, `${name}: axe finds no violation (${found.passes.length} rules passed, ${found.violations.length} violated, ${found.incomplete.length} undecided)`);
}

const { page } = await open(looks.light);
const box = await (await page.$("#sweeps svg")).boundingBox();
await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5);
await page.waitForTimeout(200);
const shown = await page.textContent("#sweeps svg [pointer-events=none]:has(tspan) , #sweeps svg g:has(> g > path)").catch(() => "");
const all = await page.evaluate(() => [...document.querySelectorAll("#sweeps svg tspan")].map((node) => node.textContent).join(" "));
check(/sweep \d+, point \d+.*learning rate .*loss /.test(all), `hover shows values: ${all}`);
if (pictures) await page.screenshot({ path: path.join(pictures, "report_hover.png"), clip: { x: 0, y: Math.max(0, box.y - 20), width: 1100, height: box.height + 40 } });
await page.mouse.move(box.x + 5, 5);

const details = (await page.$$("details")).at(-1);
await (await details.$("summary")).focus();
await page.keyboard.press("Enter");
const table = await details.evaluate((node) => {
  const rows = [...node.querySelectorAll("tbody tr")];
  const data = JSON.parse(document.getElementById("data").textContent);
  const longest = Math.max(...data.sweeps.map((sweep) => sweep.rates.length));
  return { open: node.open, rows: rows.length, longest, heads: node.querySelectorAll("th[scope=col]").length, cells: rows[0].children.length, caption: !!node.querySelector("caption") };
});
check(table.open && table.rows === table.longest && table.heads === table.cells && table.caption, `the keyboard opens the table of all losses: ${JSON.stringify(table)}`);

const session = await page.context().newCDPSession(page);
const { nodes } = await session.send("Accessibility.getFullAXTree");
const named = nodes.filter((node) => node.role?.value === "image" && node.name?.value).map((node) => node.name.value);
check(named.length >= 1 && named[0].startsWith("Loss at each learning rate"), `a screen reader hears ${named.length} named pictures, the first: ${named[0]?.slice(0, 60)}...`);
check(nodes.some((node) => node.role?.value === "table"), "a screen reader finds tables");

await page.emulateMedia({ media: "print", colorScheme: "dark" });
const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
check(paper === "rgb(255, 255, 255)", `the print is white, even in dark mode: ${paper}`);

const plain = await browser.newContext({ javaScriptEnabled: false });
const still = await plain.newPage();
await still.goto(url);
check(await still.locator("#sweeps img").count() === 1, "without scripts the page shows the picture");

await browser.close();
console.log(problems.length ? `${problems.length} FAILED` : "all hold");
process.exit(problems.length ? 1 : 0);
