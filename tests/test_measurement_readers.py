"""Readers of measured cross sections: small files of each format, refusals, and the real data."""

import h5py
import numpy as np
import pytest
import uproot
import yaml

from nd2fd.measurements.readers import READERS
from reference_data import reference_file

VALUES = np.array([1.0, 2.0, 3.0, 0.5])
ERRORS = np.array([0.1, 0.3, 0.4, 0.2])
CORRELATION = 0.7 * np.eye(4) + 0.3
COVARIANCE = CORRELATION * np.outer(ERRORS, ERRORS)
SMEARING = np.eye(4) + np.diag([0.2, 0.3, 0.4], 1)
ROWS = np.array(
    [
        [0.0, 0.3, -1.0, 0.5, 0.2, 0.7],
        [0.3, 2.5, -1.0, 0.5, 0.2, 0.7],
        [0.0, 0.3, -1.0, 0.5, 0.7, 2.0],
        [0.3, 2.5, -1.0, 0.5, 0.7, 2.0],
    ]
)
EDGES, FLUX = np.array([0.0, 0.5, 1.0, 2.0]), np.array([1.0, 3.0, 2.0])


def check(measured, resolved=True, smeared=False):
    """All of it is what was written."""
    assert measured.values == pytest.approx(VALUES, rel=1e-6)
    assert measured.covariance == pytest.approx(COVARIANCE, rel=1e-6)
    assert measured.bins.first == pytest.approx(ROWS[:, :2])
    assert measured.bins.second == pytest.approx(ROWS[:, 2:4])
    energy = ROWS[:, 4:] if resolved else np.tile([0.0, 2.0], (4, 1))
    assert measured.bins.energy == pytest.approx(energy)
    assert measured.flux_edges == pytest.approx(EDGES)
    assert measured.flux / measured.flux[0] == pytest.approx(FLUX)
    if smeared:
        assert measured.smearing == pytest.approx(SMEARING)
    else:
        assert measured.smearing is None


def microboone(folder, covariance=COVARIANCE, edges=EDGES):
    with uproot.recreate(folder / "MicroBooNE_CCInc3D_data_release.root") as file:
        for name, content in (("data", VALUES), ("unfcov", covariance), ("Ac", SMEARING)):
            axes = [np.arange(size + 1.0) for size in content.shape]
            file[f"MicroBooNE_CCInc3D_{name}"] = (content, *axes)
    with uproot.recreate(folder / "MicroBooNE_FHC_numu_flux.root") as file:
        file["numu_hist"] = (FLUX * np.diff(edges), edges)
    lines = ["GlobalBin Bin row_lo row_hi subrow_lo subrow_hi element_lo element_hi"]
    lines += [f"{1000 + k} {k} " + " ".join(map(str, row)) for k, row in enumerate(ROWS)]
    (folder / "real_bins.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_microboone(tmp_path):
    measured = READERS["microboone_ccinc_3d"].read(microboone(tmp_path))
    check(measured, smeared=True)
    assert (measured.unit, measured.per, measured.absolute) == (1e-36, "nucleus", True)


def test_microboone_refusals(tmp_path):
    read = READERS["microboone_ccinc_3d"].read
    with pytest.raises(FileNotFoundError, match=r"data_release\.root is missing.*2307\.06413"):
        read(tmp_path)
    microboone(tmp_path, covariance=COVARIANCE[:3, :3])
    with pytest.raises(ValueError, match=r"data_release\.root: covariance is 3 × 3.*4 bins"):
        read(tmp_path)
    table = tmp_path / "real_bins.txt"
    microboone(tmp_path)
    text = table.read_text()
    for old, new, words in (
        ("1002 2 0.0", "1002 3 0.0", "line 4: bin 3 where 2 is due"),
        ("1001 1 0.3", "1001 1 x", "line 3: eight numbers"),
        ("GlobalBin Bin", "Bin GlobalBin", "line 1: the columns must be"),
        ("1001 1 0.3 2.5", "1001 1 2.5 0.3", r"real_bins\.txt: bin 1: momentum from 2\.5 to 0\.3"),
    ):
        table.write_text(text.replace(old, new))
        with pytest.raises(ValueError, match=words):
            read(tmp_path)
    (tmp_path / "MicroBooNE_FHC_numu_flux.root").write_text("not ROOT")
    table.write_text(text)
    with pytest.raises(ValueError, match=r"flux\.root: cannot be read as a ROOT file"):
        read(tmp_path)


def t2k(folder, covariance=COVARIANCE, errors=ERRORS):
    lines = ["DATA FIT W/ NEUT", "#bin  #bin_costheta  #bin_mom[GeV/c] #value #error"]
    for k, row in enumerate(ROWS):
        lines.append(f"{k}  [{row[2]:g},{row[3]:g}]  [{row[0]:g},{row[1]:g}]  {VALUES[k]:.6g}  "
                     f"{errors[k]:.6g}")  # fmt: skip
    (folder / "data_unfold_with_neut.txt").write_text("\n".join(lines))
    size = len(covariance)
    lines = ["   |" + "|".join(f" {k} " for k in range(size)), "---|" + "|".join(["---"] * size)]
    lines += [
        f" {k} |" + " |".join(f" {1e-78 * value:.8e}" for value in row) + " |"
        for k, row in enumerate(covariance)
    ]
    (folder / "covariance_matrix_neut.txt").write_text("\n".join(lines) + "\n")
    lines = ["FLUX PREDICTION AT ND280", "#bin  #bin_enu[GeV/c]  #Flux[cm^{-2}/50MeV]"]
    bins = [*zip(EDGES[:-1], EDGES[1:], FLUX, strict=True), (2.0, 3.0, 0.0)]
    lines += [f"{k}  [{low:g},{high:g}]  {flux:g}" for k, (low, high, flux) in enumerate(bins)]
    (folder / "flux.txt").write_text("\n".join(lines))
    return folder


def test_t2k(tmp_path):
    """Its flux ends where there are no neutrinos any more."""
    measured = READERS["t2k_ccinc_2018"].read(t2k(tmp_path))
    check(measured, resolved=False)
    assert (measured.unit, measured.per) == (1e-39, "nucleon")


def test_t2k_refusals(tmp_path):
    read = READERS["t2k_ccinc_2018"].read
    with pytest.raises(FileNotFoundError, match=r"with_neut\.txt is missing.*1801\.05148"):
        read(tmp_path)
    order = [1, 0, 2, 3]
    t2k(tmp_path, covariance=COVARIANCE[np.ix_(order, order)])
    with pytest.raises(ValueError, match=r"neut\.txt: bin 0 has the error 0\.1, but 0\.3.*order"):
        read(tmp_path)
    t2k(tmp_path, covariance=COVARIANCE[:3, :3])
    with pytest.raises(ValueError, match=r"neut\.txt: covariance is 3 × 3; there are 4 bins"):
        read(tmp_path)
    broken = COVARIANCE.copy()
    broken[0, 1] = broken[1, 0] = 0.06
    t2k(tmp_path, covariance=broken)
    with pytest.raises(ValueError, match="not positive definite"):
        read(tmp_path)
    data = t2k(tmp_path) / "data_unfold_with_neut.txt"
    data.write_text(data.read_text().replace("2  [-1", "2  [x"))
    with pytest.raises(ValueError, match=r"neut\.txt, line 5: cannot be read"):
        read(tmp_path)
    flux = t2k(tmp_path) / "flux.txt"
    flux.write_text(flux.read_text().replace("[0.5,1]", "[0.6,1]"))
    with pytest.raises(ValueError, match=r"flux\.txt: bin 0 ends at 0\.5, bin 1 begins at 0\.6"):
        read(tmp_path)


DESCRIPTION = {"variables": "momentum_angle", "unit": "1e-39", "per": "target", "absolute": True}


def plain(folder, **changes):
    header = ",".join(
        f"{name}_{side}"
        for name in ("momentum", "cos_theta", "neutrino_energy")
        for side in ("low", "high")
    )
    (folder / "measurement.yaml").write_text(yaml.safe_dump(DESCRIPTION | changes))
    lines = ["# a comment", f"{header},value,error"]
    lines += [
        ",".join(map(str, [*row, value, error]))
        for row, value, error in zip(ROWS, VALUES, ERRORS, strict=True)
    ]
    (folder / "bins.csv").write_text("\n".join(lines))
    np.savetxt(folder / "covariance.csv", COVARIANCE, delimiter=",")
    np.savetxt(folder / "smearing.csv", SMEARING, delimiter=",")
    lines = ["low,high,flux"]
    lines += [f"{a},{b},{f}" for a, b, f in zip(EDGES[:-1], EDGES[1:], FLUX, strict=True)]
    (folder / "flux.csv").write_text("\n".join(lines))
    return folder


def test_plain_folder(tmp_path):
    measured = READERS["plain"].read(plain(tmp_path))
    check(measured, smeared=True)
    assert (measured.unit, measured.per, measured.absolute) == (1e-39, "target", True)
    (tmp_path / "smearing.csv").unlink()
    half = np.array([[1.0, 0.5], [0.0, 0.5], [0.0, 0.0], [0.0, 0.0]])
    np.savetxt(tmp_path / "migration.csv", half, delimiter=",")
    true = ROWS[[0, 1]]
    lines = [(tmp_path / "bins.csv").read_text().splitlines()[1].replace(",value,error", "")]
    lines += [",".join(map(str, row)) for row in true]
    (tmp_path / "true_bins.csv").write_text("\n".join(lines))
    measured = READERS["plain"].read(tmp_path)
    # Half of the second bin's events, 2.2 GeV wide, are measured in the first, 0.3 GeV wide.
    assert measured.smearing @ [1.0, 2.0] == pytest.approx([1 + 2.2 / 0.3, 1.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("measurement.yaml", "per: target", "per: atom", r"measurement\.yaml: per is 'atom'"),
        ("measurement.yaml", "unit: 1e-39", "unit: cm2", "unit is 'cm2'"),
        ("measurement.yaml", "absolute: true", "absolute: 1", "absolute is 1"),
        ("measurement.yaml", "momentum_angle", "x_Q2", "variables is 'x_Q2'"),
        ("bins.csv", "0.3,2.5,-1.0", "0.3,nan,-1.0", r"bins\.csv, line 4: momentum_high is 'nan'"),
        ("bins.csv", "momentum_low", "p_low", "line 2: has no column momentum_low"),
        ("bins.csv", ",error", ",sigma", "line 2: column sigma is not known"),
        ("bins.csv", "0.1\n", "0.1,7\n", "line 3: 9 values in 8 columns"),
        ("bins.csv", "2.0,0.3\n", "2.0,0.4\n", r"covariance\.csv: bin 1 has the error 0\.4"),
        ("flux.csv", "1.0,2.0,2.0", "1.1,2.0,2.0", r"flux\.csv: bin 1 ends at 1"),
    ],
)
def test_plain_refusals(tmp_path, file, old, new, words):
    path = plain(tmp_path) / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=words):
        READERS["plain"].read(tmp_path)


def test_plain_refusals_of_files(tmp_path):
    read = READERS["plain"].read
    plain(tmp_path)
    np.savetxt(tmp_path / "migration.csv", SMEARING, delimiter=",")
    with pytest.raises(ValueError, match=r"smearing\.csv and migration\.csv"):
        read(tmp_path)
    (tmp_path / "migration.csv").unlink()
    np.savetxt(tmp_path / "covariance.csv", COVARIANCE[:, :3], delimiter=",")
    with pytest.raises(ValueError, match=r"covariance\.csv: covariance is 4 × 3"):
        read(tmp_path)
    (tmp_path / "flux.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"flux\.csv is missing"):
        read(tmp_path)


def test_plain_hdf5(tmp_path):
    path = tmp_path / "mine.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update(DESCRIPTION | {"unit": 1e-39})
        arrays = {"first": ROWS[:, :2], "second": ROWS[:, 2:4], "energy": ROWS[:, 4:],
                  "values": VALUES, "covariance": COVARIANCE, "errors": ERRORS,
                  "smearing": SMEARING, "flux_edges": EDGES, "flux": FLUX}  # fmt: skip
        for name, array in arrays.items():
            file[name] = array
    measured = READERS["plain"].read(path)
    check(measured, smeared=True)
    assert (measured.unit, measured.per, measured.absolute) == (1e-39, "target", True)
    with h5py.File(path, "a") as file:
        del file["flux"]
    with pytest.raises(ValueError, match=r"mine\.h5: has no dataset flux"):
        READERS["plain"].read(path)
    path.write_text("no HDF5")
    with pytest.raises(ValueError, match="cannot be read as an HDF5 file"):
        READERS["plain"].read(path)
    with pytest.raises(FileNotFoundError, match=r"other\.h5 is missing"):
        READERS["plain"].read(tmp_path / "other.h5")


def axis(name, edges):
    return {"header": {"name": name}, "values": [{"low": a, "high": b} for a, b in edges]}


def hepdata(folder):
    """Values in two tables, one per range of E_ν; the covariance by numbers of bins, shuffled."""
    tables = {}
    for k in range(2):
        rows = slice(2 * k, 2 * k + 2)
        tables[f"slice{k}.yaml"] = {
            "independent_variables": [axis("p [GEV]", ROWS[rows, :2].tolist())],
            "dependent_variables": [
                {
                    "header": {"name": "D2SIGMA"},
                    "values": [
                        {"value": float(v), "errors": [{"symerror": float(e), "label": "total"}]}
                        for v, e in zip(VALUES[rows], ERRORS[rows], strict=True)
                    ],
                }
            ],
        }
    numbers = [(i, j) for i in range(4) for j in range(4)]
    np.random.default_rng(1).shuffle(numbers)
    tables["covariance.yaml"] = {
        "independent_variables": [
            {"header": {"name": "bin"}, "values": [{"value": int(pair[k])} for pair in numbers]}
            for k in range(2)
        ],
        "dependent_variables": [
            {
                "header": {"name": "COV"},
                "values": [{"value": float(COVARIANCE[i, j])} for i, j in numbers],
            }
        ],
    }
    for name, content in tables.items():
        (folder / name).write_text(yaml.safe_dump(content))
    with uproot.recreate(folder / "record.root") as file:
        file["Flux/Hist1D_y1"] = (FLUX, EDGES)
        file["Ac/Hist2D_y1"] = (SMEARING, np.arange(5.0), np.arange(5.0))
    description = DESCRIPTION | {
        "values": [
            {
                "file": f"slice{k}.yaml",
                "variable": "D2SIGMA",
                "second": [-1.0, 0.5],
                "energy": ROWS[2 * k, 4:].tolist(),
            }
            for k in range(2)
        ],
        "covariance": {"file": "covariance.yaml", "variable": "COV"},
        "flux": {"file": "record.root", "histogram": "Flux/Hist1D_y1"},
        "smearing": {"file": "record.root", "histogram": "Ac/Hist2D_y1"},
    }
    (folder / "measurement.yaml").write_text(yaml.safe_dump(description))
    return folder


def test_hepdata(tmp_path):
    check(READERS["hepdata"].read(hepdata(tmp_path)), smeared=True)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("measurement.yaml", "slice1.yaml", "slice7.yaml", r"slice7\.yaml, which .* is missing"),
        ("measurement.yaml", "D2SIGMA", "D3SIGMA", r"slice0\.yaml: has no variable 'D3SIGMA'"),
        ("measurement.yaml", "Flux/Hist1D_y1", "Flux/y1", r"record\.root: has no histogram Flux"),
        ("measurement.yaml", "  variable: COV", "  column: COV", "covariance needs variable"),
        ("measurement.yaml", "second", "third", r"slice0\.yaml need second: \[low, high\]"),
        ("slice1.yaml", "value: 3.0", "value: high", r"slice1\.yaml, bin 0: value is missing"),
        ("slice1.yaml", "symerror: 0.4", "symerror: 0.9", r"bin 2 has the error 0\.9.*order"),
        ("slice1.yaml", "independent", "dependent_on", "not a HEPData table"),
    ],
)
def test_hepdata_refusals(tmp_path, file, old, new, words):
    path = hepdata(tmp_path) / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        READERS["hepdata"].read(tmp_path)


def test_released_data_are_read():
    """Number of bins, and what the papers say of the sums: σ on CH is 7e-39 cm² per nucleon."""
    folder = reference_file("microboone_ccinc_3d/real_bins.txt").parent
    argon = READERS["microboone_ccinc_3d"].read(folder)
    assert argon.bins.n_bins == 138
    assert len(argon.bins.slices[0]) == 4
    folder = reference_file("t2k_ccinc_2018/flux.txt").parent
    carbon = READERS["t2k_ccinc_2018"].read(folder)
    assert carbon.bins.n_bins == 71
    assert carbon.bins.area @ carbon.values == pytest.approx(6.95, abs=0.66)
    # 1.107561e13 neutrinos per cm², says the release.
    assert carbon.flux @ np.diff(carbon.flux_edges) / 0.05 == pytest.approx(1.107561e13, rel=1e-5)
