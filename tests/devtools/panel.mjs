// SPDX-License-Identifier: MIT
//
// The Memory panel of a real Chromium, headless, driven as a person would: files go in
// through the file input, rows come out as text. The front-end that Chromium carries can
// be opened as an ordinary page and needs no inspected target to load a file.
//
// Every wait is for something the panel shows; nothing sleeps for a fixed time.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import os from 'node:os';
import path from 'node:path';

const {chromium} = createRequire(
  path.resolve(process.env.HEAPSNAP_DEVTOOLS_PACKAGES, 'package.json'))('playwright-core');

const PAGE = 'devtools://devtools/bundled/devtools_app.html?panel=heap-profiler';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-dev-shm-usage'];
const PATIENCE_MS = 30_000;
const START_ATTEMPTS = 3;

/** Ask again until `probe` gives something true; what it gave last is in the message. */
export async function until(what, probe) {
  const end = Date.now() + PATIENCE_MS;
  let answer;
  do {
    answer = await probe();
    if (answer) return answer;
    await new Promise(resolve => { setTimeout(resolve, 50); });
  } while (Date.now() < end);
  throw new Error(`waited ${PATIENCE_MS / 1000} s in vain for ${what}`);
}

async function startBrowser(profile, {width, height}) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await chromium.launchPersistentContext(profile, {
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
        viewport: {width, height}, colorScheme: 'light', args: FLAGS, timeout: PATIENCE_MS,
      });
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
      console.error(`chromium did not start (attempt ${attempt}): ${error.message.split('\n')[0]}`);
    }
  }
}

export class MemoryPanel {
  /** Warnings and errors of the page and of its workers, since the last open(). */
  problems = [];

  static async start(size = {width: 1400, height: 860}) {
    const panel = new MemoryPanel();
    panel.profile = fs.mkdtempSync(path.join(os.tmpdir(), 'heapsnap-chromium-'));
    panel.browser = await startBrowser(panel.profile, size);
    const page = panel.browser.pages()[0] ?? await panel.browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('console', message => {
      if (['warning', 'error'].includes(message.type())) panel.problems.push(message.text());
    });
    page.on('pageerror', error => panel.problems.push(String(error)));
    panel.page = page;
    return panel;
  }

  async stop() {
    await this.browser.close();
    fs.rmSync(this.profile, {recursive: true, force: true, maxRetries: 3});
  }

  /** A fresh panel with `files` loaded; the last one is shown. */
  async open(...files) {
    this.problems.length = 0;
    await this.page.goto(PAGE);
    await this.page.getByText('Select profiling type').waitFor();
    for (const file of files) await this.#load(file);
    await this.#choose(files.at(-1));
  }

  #entry(file) {
    return this.page.getByRole('treeitem').filter({hasText: path.basename(file, '.heapsnapshot')});
  }

  /** The panel refuses a file while it is still busy with another: offer it again. */
  async #load(file) {
    const entry = this.#entry(file);
    await until(`${file} in the list of profiles`, async () => {
      await this.page.locator('input[type=file]').first().setInputFiles(file);
      return appears(entry);
    });
    // An entry gets its size when the worker is done: "NAME, 117 kB".
    await until(`${file} to be loaded`,
      async () => /, .*\d.?k?[BMG]/.test(await entry.getAttribute('aria-label')));
  }

  /** The panel drops a selection made while it is still busy: select again until it shows. */
  async #choose(file) {
    await until(`rows of ${file} in Summary`, async () => {
      await this.page.getByRole('treeitem', {name: 'Profiles'}).click();
      await this.#entry(file).click();
      return appears(this.#main.locator('tr.data-grid-data-grid-node').first());
    });
  }

  get #perspective() { return this.page.getByRole('combobox', {name: 'Perspective'}); }
  get #main() { return this.page.locator('.data-grid').filter({visible: true}).first(); }
  get #retaining() {
    return this.page.locator('.retaining-paths-view .data-grid').filter({visible: true});
  }

  /** "Summary", "Comparison", "Containment" or "Statistics". */
  async show(perspective) {
    await this.#perspective.selectOption(perspective);
    if (perspective === 'Statistics') return;
    const title = {Comparison: '# New', Containment: 'Object', Summary: 'Constructor'}[perspective];
    await until(`the columns of ${perspective}`,
      async () => (await this.#main.locator('th').allInnerTexts()).includes(title));
  }

  async filterByClass(text) {
    await this.page.getByRole('textbox', {name: 'Filter by class'}).fill(text);
  }

  /** Visible rows of the upper grid. */
  rows() { return readRows(this.#main); }
  /** Visible rows of the Retainers pane: "edge in node @id". */
  retainers() { return readRows(this.#retaining); }

  /** The row of the Retainers pane that `pattern` matches, once it is there. */
  retainer(pattern) {
    return until(`a retainer ${pattern}`,
      async () => (await this.retainers()).find(row => pattern.test(row.name)));
  }

  /** The Retainers pane once its automatically opened chain (up to 20 rows) ends in `root`. */
  async retainerChain(root) {
    let rows;
    await until(`Retainers that end in ${root}`, async () => {
      rows = await this.retainers();
      return rows.at(-1)?.name.includes(root);
    }).catch(error => {
      throw new Error(`${error.message}; they are ${rows.map(row => row.name).join(', ')}`);
    });
    return rows;
  }

  /** The row of the upper grid whose name contains `text`, once it is there. */
  row(text) {
    return until(`a row "${text}"`,
      async () => (await this.rows()).find(row => row.name.includes(text)));
  }

  /** `text` is part of the row's name, or "@id". */
  #element(text) {
    const rows = this.#main.locator('tr.data-grid-data-grid-node');
    if (!text.startsWith('@')) return rows.filter({hasText: text}).first();
    const id = this.page.locator('.object-value-id', {hasText: new RegExp(`^${text}$`)});
    return rows.filter({has: id}).first();
  }

  async select(text) {
    const element = this.#element(text);
    // The grid may sort itself again under the pointer.
    await until(`"${text}" to be selected`, async () => {
      await element.click({position: {x: 60, y: 8}});
      return hasClass(element, 'selected');
    });
  }

  async expand(text) {
    await this.select(text);
    const element = this.#element(text);
    await this.page.keyboard.press('ArrowRight');
    await until(`"${text}" to be expanded`, () => hasClass(element, 'expanded'));
  }

  /** Lines of the legend: {"System objects": "9 kB", …}. */
  async statistics() {
    const rows = this.page.locator('devtools-perf-piechart .pie-chart-legend-row');
    await rows.first().waitFor();
    return Object.fromEntries(await rows.evaluateAll(elements => elements.map(row => {
      const [size, name] = [...row.children].map(child => child.innerText.trim()).filter(Boolean);
      return [name, size.replaceAll('\u00a0', ' ')];
    })));
  }

  /** Open a class and select its instance that retains most; returns its "@id". */
  async selectLargest(className) {
    await this.expand(className);
    const {name} = await until(`instances of ${className}`, async () =>
      (await this.rows()).find(row => row.name.includes(className) && /@\d+$/.test(row.name)));
    const [id] = /@\d+$/.exec(name);
    await this.select(id);
    return id;
  }

  async screenshot(file) {
    await this.page.mouse.move(5, this.page.viewportSize().height - 5);
    await this.page.screenshot({path: file});
  }
}

const appears = element => element.waitFor({timeout: 2000}).then(() => true, () => false);

async function hasClass(element, name) {
  const classes = await element.getAttribute('class');
  return classes.split(' ').includes(name);
}

/**
 * One object a row: `name` as read by a person, then the other cells by column title, of
 * which older Chromiums write every word with a capital ("Retained Size").
 */
function readRows(grid) {
  return grid.evaluateAll(([table]) => {
    if (!table) return [];
    const clean = text => text.replaceAll(/\s+/g, ' ').trim();
    const sentence = text => text.replaceAll(/(?<=[a-z.] )[A-Z]/g, letter => letter.toLowerCase());
    const titles = [...table.querySelectorAll('th')].map(cell => sentence(clean(cell.innerText)));
    return [...table.querySelectorAll('tr.data-grid-data-grid-node')].map(row => {
      const texts = [...row.cells].map(cell => {
        const parts = [...cell.querySelectorAll('span')].map(span => span.innerText);
        return clean(parts.length > 1 ? parts.join(' ') : cell.innerText);
      });
      const cells = texts.map((text, i) => [i === 0 ? 'name' : titles[i], text]);
      return Object.fromEntries(cells.filter(([title]) => title));
    });
  });
}
