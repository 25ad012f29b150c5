using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Plant.Description;
using Orchestrator.Plant.Engine;
using Orchestrator.Rpc.Errors;
using Orchestrator.V1;

namespace Orchestrator.Plant.Tests.Description;

/// <summary>Whatever message comes: violations with a path of the message, or a migration that can be played.</summary>
public class AnyMessageTests
{
    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(600)
        .WithReplay(new Replay(new Rnd(20_260_101, 0x9E37_79B9_7F4A_7C15), null));

    [Fact]
    public void Parse_AnyMessage_NeverThrowsAndNamesFields() => Check(Any(SimulatedMigration.Descriptor, 0), message =>
    {
        var violations = new Violations();

        var parsed = DescriptionParser.Parse((SimulatedMigration)message, "", violations);

        Assert.Equal(violations.Any, parsed is null);
        Assert.All(violations.Found, violation =>
        {
            Assert.True(IsPath(violation.Field), violation.Field);
            Assert.NotEmpty(violation.Description);
            Assert.DoesNotContain(",.", violation.Description, StringComparison.Ordinal);
        });
    });

    [Fact]
    public void Parse_SoundWithSomeFieldsReplaced_NeverThrowsAndPlaysWhenSound()
    {
        var sound = 0;
        Check(Mixed(), message =>
        {
            var violations = new Violations();
            if (DescriptionParser.Parse(message, "", violations) is not { } migration)
            {
                Assert.True(violations.Any);
                return;
            }

            sound++;
            var engine = new Orchestrator.Plant.Engine.SimulatedEngine(migration, new EngineSetup());
            engine.Run(TimeSpan.FromSeconds(2), stopAtPasses: false);
            var view = engine.View();
            Assert.True(view.RamRemaining >= 0 && view.Transferred >= 0 && double.IsFinite(view.Bandwidth));
        });
        Assert.True(sound > 20, $"only {sound} were sound");
    }

    private static void Check<T>(Gen<T> gen, Action<T> property) => Prop.ForAll(Arb.From(gen), property).Check(s_config);

    /// <summary>A sound message of which a few fields, at any depth, are as they may come.</summary>
    private static Gen<SimulatedMigration> Mixed() =>
        from count in Gen.Choose(0, 3)
        from any in Gen.ArrayOf(Any(SimulatedMigration.Descriptor, 0), count)
        from picks in Gen.ArrayOf(Gen.Choose(0, int.MaxValue - 1), count * 4)
        select Mix(Messages.Sound(), any, picks);

    private static SimulatedMigration Mix(SimulatedMigration message, IMessage[] any, int[] picks)
    {
        for (var index = 0; index < any.Length; index++)
        {
            Replace(message, any[index], picks.AsSpan(index * 4, 4));
        }

        return message;
    }

    private static void Replace(IMessage into, IMessage from, ReadOnlySpan<int> picks)
    {
        var fields = into.Descriptor.Fields.InDeclarationOrder();
        var field = fields[picks[0] % fields.Count];
        var (old, value) = (field.Accessor.GetValue(into), field.Accessor.GetValue(from));
        if (old is IMessage inner && value is IMessage other && picks.Length > 1 && field.MessageType != Duration.Descriptor)
        {
            Replace(inner, other, picks[1..]);
        }
        else if (field.IsRepeated)
        {
            var (olds, values) = ((System.Collections.IList)old, (System.Collections.IList)value);
            olds.Clear();
            foreach (var entry in values)
            {
                olds.Add(entry);
            }
        }
        else
        {
            field.Accessor.SetValue(into, value);
        }
    }

    private static Gen<IMessage> Any(MessageDescriptor type, int depth) => type == Duration.Descriptor
        ? from seconds in Longs()
          from nanos in Gen.OneOf(Gen.Constant(0), Gen.Choose(int.MinValue, int.MaxValue), Gen.Choose(-1, 999_999_999))
          select (IMessage)new Duration { Seconds = seconds, Nanos = nanos }
        : from values in Gen.CollectToArray(type.Fields.InDeclarationOrder(), field => Value(field, depth))
          select Build(type, values);

    private static IMessage Build(MessageDescriptor type, object?[] values)
    {
        var message = type.Parser.ParseFrom([]);
        foreach (var (field, value) in type.Fields.InDeclarationOrder().Zip(values))
        {
            if (field.IsRepeated)
            {
                var list = (System.Collections.IList)field.Accessor.GetValue(message);
                foreach (var entry in (object?[])value!)
                {
                    list.Add(entry);
                }
            }
            else if (value is not null)
            {
                field.Accessor.SetValue(message, value);
            }
        }

        return message;
    }

    private static Gen<object?> Value(FieldDescriptor field, int depth)
    {
        if (field.IsRepeated)
        {
            return from count in Gen.Frequency((4, Gen.Choose(0, 2)), (1, Gen.Choose(15, 18)))
                   from entries in Gen.ArrayOf(Single(field, depth), depth > 1 ? Math.Min(count, 2) : count)
                   select (object?)entries.Where(entry => entry is not null).ToArray();
        }

        return field.FieldType is FieldType.Message
            ? Gen.Frequency((1, Gen.Constant<object?>(null)), (5, Single(field, depth)))
            : Single(field, depth);
    }

    private static Gen<object?> Single(FieldDescriptor field, int depth) => field.FieldType switch
    {
        FieldType.Message => Any(field.MessageType, depth + 1).Select(message => (object?)message),
        FieldType.String => Texts().Select(text => (object?)text),
        FieldType.UInt64 => Longs().Select(number => (object?)(ulong)number),
        FieldType.UInt32 => Longs().Select(number => (object?)(uint)number),
        FieldType.Double => Doubles().Select(number => (object?)number),
        FieldType.Bool => Gen.Elements(true, false).Select(value => (object?)value),
        FieldType.Enum => Gen.Choose(-1, 5).Select(number => (object?)number),
        _ => throw new ArgumentOutOfRangeException(nameof(field), field.FullName),
    };

    private static Gen<long> Longs() => Gen.OneOf(
        Gen.Elements(0L, 1, -1, long.MaxValue, long.MinValue, 4096, 1 << 20, 64L << 40, (64L << 40) + 1, 1000, 100_000_000_000, 100_000_000_001),
        Gen.Choose(0, 100).Select(number => (long)number),
        Gen.Choose(0, int.MaxValue).Select(number => number * 1000L));

    private static Gen<double> Doubles() => Gen.OneOf(
        Gen.Elements(0, 1, -1, 0.5, 0.9, 1000, 1000.1, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.MaxValue, double.Epsilon, -0.0),
        Gen.Choose(0, 1000).Select(number => number / 1000.0));

    private static Gen<string> Texts() => Gen.OneOf(
        Gen.Elements("", "a", "hot", "gpu", "10.0", "11.1", "A b", "\0", "\uFFFD", "\uD800", new string('x', 64), new string('x', 2000), "{0}"),
        Gen.Choose(0, 1000).Select(number => $"set-{number}"));

    /// <summary>Names of the contract, with indices where there are entries.</summary>
    private static bool IsPath(string path)
    {
        var type = SimulatedMigration.Descriptor;
        foreach (var part in path.Split('.'))
        {
            if (type?.FindFieldByName(part.Split('[')[0]) is not { } field || (part.Contains('[', StringComparison.Ordinal) && !field.IsRepeated))
            {
                return false;
            }

            type = field.FieldType is FieldType.Message ? field.MessageType : null;
        }

        return true;
    }
}
