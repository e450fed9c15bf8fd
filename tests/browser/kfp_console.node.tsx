// The outputs of an LRFinder pod in the viewer of KFP's console. kfp_console.sh copies it into KFP's frontend.
import { CommonTestWrapper } from 'src/TestWrapper';
import { Artifact, ArtifactType, Event, Execution, Value } from 'src/third_party/mlmd';
import { MetricsVisualizations } from './MetricsVisualizations';

const TITLES = ['system.HTML', 'system.Metrics'];

/** What the pod wrote about its outputs, by name. */
export type Written = Record<string, { artifacts: { uri: string; metadata: Record<string, string | number> }[] }>;

/** What KFP's launcher stores of an output: its metadata, and its name for people. */
function stored(written: Written, name: string, typeId: number) {
  const { uri, metadata } = written[name].artifacts[0];
  const artifact = new Artifact();
  artifact.setId(10 + typeId);
  artifact.setTypeId(typeId);
  artifact.setUri(uri);
  for (const [key, given] of Object.entries({ ...metadata, display_name: name })) {
    const value = new Value();
    if (typeof given === 'number') value.setDoubleValue(given);
    else value.setStringValue(String(given));
    artifact.getCustomPropertiesMap().set(key, value);
  }
  return { artifact, event: new Event() };
}

/** What the tab "Visualization" of the node shows. */
export function LRFinderNode({ written }: { written: Written }) {
  const artifactTypes = TITLES.map((title, index) => {
    const type = new ArtifactType();
    type.setId(index);
    type.setName(title);
    return type;
  });
  return (
    <CommonTestWrapper>
      <MetricsVisualizations
        linkedArtifacts={[stored(written, 'lr_finder_page', 0), stored(written, 'lr_finder_scalars', 1)]}
        artifactTypes={artifactTypes}
        execution={new Execution()}
        namespace={undefined}
      />
    </CommonTestWrapper>
  );
}
