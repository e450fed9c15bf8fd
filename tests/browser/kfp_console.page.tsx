// A page with the tab "Visualization" of an LRFinder node. kfp_console.sh copies it into KFP's frontend.
import { createRoot } from 'react-dom/client';
import { LRFinderNode } from './components/viewers/LRFinderNode';

const output = await (await fetch('/lr_finder/executor_output.json')).json();
createRoot(document.getElementById('root')!).render(<LRFinderNode written={output.artifacts} />);
