using System.Data;
using Dapper;
using Npgsql;
using NpgsqlTypes;

namespace Orchestrator.ControlPlane.Database;

/// <summary>
/// Says the type of a time span also when it is null. Otherwise the same statement comes with an interval one time and with a parameter of
/// no type the next, and the plan that was prepared for the one does not do for the other.
/// </summary>
internal sealed class IntervalParameters : SqlMapper.ITypeHandler
{
    public static void Register() => SqlMapper.AddTypeHandler(typeof(TimeSpan), new IntervalParameters());

    public void SetValue(IDbDataParameter parameter, object value)
    {
        ((NpgsqlParameter)parameter).NpgsqlDbType = NpgsqlDbType.Interval;
        parameter.Value = value;
    }

    public object Parse(Type destinationType, object value) => value;
}
