using Google.Protobuf.WellKnownTypes;
using Orchestrator.Policy.Convergence;

namespace Orchestrator.ControlPlane.Migrations.Calibration;

/// <summary>Words what a kind of migration has taught.</summary>
internal static class CalibrationMessage
{
    /// <returns>Null when it has taught nothing.</returns>
    public static V1.Calibration? Of(CalibratedKind known) => SwitchOverCalibration.Of(known.Observations) is not { } learnt ? null : new V1.Calibration
    {
        Engine = known.Kind.Engine,
        SourceEngineVersion = known.Kind.SourceEngineVersion,
        TargetEngineVersion = known.Kind.TargetEngineVersion,
        DeviceKind = known.Kind.DeviceKind,
        Migrations = (uint)learnt.Migrations,
        OverheadTypical = learnt.Overhead?.Typical.ToDuration(),
        OverheadHigh = learnt.Overhead?.High.ToDuration(),
        ErrorMedian = learnt.ErrorMedian.ToDuration(),
        ErrorAbsoluteMedian = learnt.ErrorAbsoluteMedian.ToDuration(),
        WithinBudget = learnt.WithinBudget,
        LastAt = known.LastAt.ToTimestamp(),
    };
}
