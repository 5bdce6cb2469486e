import json
from pathlib import Path

from pyworkflow import Config, VarTypes
from pyworkflow.tests import BaseTest, setupTestProject

from scipion_gmmrefine.tests.templates import everyTemplate

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
PATHS = ("particles", "model")  # aliases of files


class TestTemplates(BaseTest):
    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)
        cls.templates = everyTemplate()

    def load(self, name):
        """Make the protocols of a template in the project, as Scipion does."""
        path = Path(self.proj.getPath(f"{name}.json"))
        path.write_text(json.dumps(self.templates[name].steps))
        return list(self.proj.loadProtocols(str(path)).values())

    def test_all_are_there(self):
        self.assertEqual(list(self.templates), ["gmm_conformations", "gmm_maps", "gmm_patches", "gmm_refine"])

    def test_fields_give_valid_json_with_known_rows(self):
        for template in self.templates.values():
            for step in template.steps:
                protocolClass = Config.getDomain().getProtocols()[step["object.className"]]
                rows = {name for name, _ in protocolClass().getDefinition().iterParams()}
                self.assertEqual({key for key in step if not key.startswith("object.")} - rows, set())

    def test_scipion_loads_every_template_with_all_its_inputs(self):
        for name, template in self.templates.items():
            loaded = self.load(name)
            self.assertEqual(len(loaded), len(template.steps))
            for protocol in loaded:
                for row, pointer in protocol.iterInputPointers():
                    if protocol.getParam(row).isImportant():
                        self.assertTrue(pointer.hasValue(), f"{name}: {row}")

    def test_all_runs_come_after_one(self):
        """Scipion schedules the runs after every first one by themselves: with two, those after both twice."""
        for name in self.templates:
            loaded = {protocol.getObjId() for protocol in self.load(name)}
            graph = self.proj.getRunsGraph(refresh=True)
            firsts = [node.run for node in graph.getRoot().getChildren() if node.run.getObjId() in loaded]
            self.assertEqual(len(firsts), 1, f"{name}: {[str(one) for one in firsts]}")
            self.assertEqual(set(self.proj._getSubworkflow(firsts[0])[0]), loaded, name)

    def test_every_value_has_a_name_of_its_own(self):
        for name, template in self.templates.items():
            for what in ("title", "alias"):  # Scipion keeps the last field of a title only
                found = [getattr(field, what) for field in template.fields]
                self.assertTrue(all(found) and len(set(found)) == len(found), f"{name}: {found}")

    def test_scipion_refuses_files_that_do_not_exist_before_anything_is_made(self):
        for template in self.templates.values():
            kinds = {field.alias: field.kind for field in template.fields if field.alias in PATHS}
            self.assertEqual(set(kinds.values()), {VarTypes.PATH.value})

    def test_description_ends_with_a_command_that_names_every_value(self):
        for name, template in self.templates.items():
            subcommand, which, window, project, *values = template.command
            self.assertEqual(
                (subcommand, which, window, project), ("template", f"scipion_gmmrefine-{name}", "--nogui", "project_name=NAME")
            )
            given = dict(value.split("=") for value in values)
            self.assertEqual(set(given), {field.alias for field in template.fields})
            for field in template.fields:
                wanted = f"/full/path/{field.default}" if field.alias in PATHS else field.default
                self.assertEqual(given[field.alias], wanted, f"{name}: {field.alias}")

    def test_tutorial_has_the_same_commands(self):
        lines = TUTORIAL.read_text(encoding="utf-8").splitlines()
        for template in self.templates.values():
            self.assertIn(f"python -m scipion {template.commandLine}", lines)

    def test_maps_are_audited_against_the_refined_volume(self):
        """Not against one that was filtered or sharpened."""
        steps = self.templates["gmm_maps"].steps
        labels = {step["object.id"]: step["object.label"] for step in steps}
        audit = steps[-1]
        self.assertEqual(_source(audit["inputVolume"], labels), "GMM refine")
        self.assertEqual(
            [_source(volume, labels) for volume in audit["modifiedVolumes"]], ["GMM local resolution", "GMM sharpen"]
        )


def _source(volume, labels):
    """Label of the step whose ``outputVolume`` an input names."""
    step, output = volume.split(".")
    assert output == "outputVolume"
    return labels[step]
