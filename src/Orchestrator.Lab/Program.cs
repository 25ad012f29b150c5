using Orchestrator.Lab.Invocation;

return await LabCommand.Create().Parse(args).InvokeAsync();
