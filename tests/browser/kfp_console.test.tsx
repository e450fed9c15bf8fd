// Shows the outputs of an LRFinder pod with the viewer of KFP's console. kfp_console.sh copies it into KFP's frontend.
import { readFileSync } from 'node:fs';
import { render, screen, waitFor, within } from '@testing-library/react';
import { Apis } from 'src/lib/Apis';
import { LRFinderNode } from './LRFinderNode';

const page = readFileSync(process.env.LR_FINDER_PAGE!, 'utf-8');
const written = JSON.parse(readFileSync(process.env.EXECUTOR_OUTPUT!, 'utf-8')).artifacts;

it('reads the page from its uri and puts all of it into a sandboxed frame', async () => {
  const read = vi.spyOn(Apis, 'readFile').mockResolvedValue(page);
  const { container } = render(<LRFinderNode written={written} />);
  const frame = await waitFor(() => {
    const found = container.querySelector('iframe');
    expect(found).not.toBeNull();
    return found!;
  });
  expect(frame.srcdoc).toBe(page);
  expect(frame.getAttribute('sandbox')).toBe('allow-scripts');
  const { source, bucket, key } = read.mock.calls[0][0].path;
  expect(`${source}://${bucket}/${key}`).toBe(written.lr_finder_page.artifacts[0].uri);
});

it('lists the rate and the verdict in the table of scalar metrics', async () => {
  vi.spyOn(Apis, 'readFile').mockResolvedValue(page);
  render(<LRFinderNode written={written} />);
  await screen.findByText('Scalar Metrics: lr_finder_scalars');
  const { metadata } = written.lr_finder_scalars.artifacts[0];
  for (const name of ['learning_rate', 'log10_learning_rate', 'verdict']) {
    const row = screen.getByText(name).closest('tr')!;
    within(row).getByText(JSON.stringify(metadata[name]));
    console.log(`the console shows ${name} = ${JSON.stringify(metadata[name])}`);
  }
});
