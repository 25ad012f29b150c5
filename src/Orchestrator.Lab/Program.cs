using System.CommandLine;

var root = new RootCommand("Runs migration policies side by side on the same work.");
return await root.Parse(args).InvokeAsync();
