// What happens on a page that nobody asked for, and the page before its client runs.

import type { Person } from './flack';

/** Holds back what goes to these addresses, until the answer of this is called. */
export async function hold(person: Person, addresses: string): Promise<() => void> {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await person.page.route(addresses, async (route) => {
    await held;
    await route.continue();
  });
  return letGo;
}

/** Holds the client back, so that the page can be looked at as the server sent it. */
export const holdClient = (person: Person) => hold(person, '**/pkg/*.js');

/** Lists what moves on this person's pages, other than by what they do. */
export async function watchShifts(person: Person): Promise<() => Promise<string[]>> {
  await person.page.addInitScript(() => {
    const shifts: string[] = [];
    Object.assign(window, { shifts });
    type Shift = PerformanceEntry & {
      sources: { node?: Element; previousRect: DOMRect; currentRect: DOMRect }[];
    };
    const rect = ({ x, y, width, height }: DOMRect) => [x, y, width, height].join(' ');
    new PerformanceObserver((list) => {
      for (const shift of list.getEntries() as Shift[]) {
        for (const { node, previousRect, currentRect } of shift.sources) {
          const name = node?.className || node?.nodeName;
          shifts.push(`${name}: ${rect(previousRect)} -> ${rect(currentRect)}`);
        }
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  return () =>
    person.page.evaluate(async () => {
      // What was just drawn is told after the frame.
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      for (let frames = 0; frames < 5; frames += 1) await frame();
      return (window as unknown as { shifts: string[] }).shifts;
    });
}
